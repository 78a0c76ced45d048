/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive, loaded when there is something to unpack: with all that it needs it would take longer
 * to link than the rest of a run takes to start.
 */
#ifndef DETRUN_ROOTFS_LIBARCHIVE_H
#define DETRUN_ROOTFS_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "runtime/base/err.h"

#define LIBARCHIVE_SONAME "libarchive.so.13"

#define LIBARCHIVE_CALLS(X) \
	X(archive_entry_filetype) \
	X(archive_entry_gid) \
	X(archive_entry_hardlink) \
	X(archive_entry_mtime) \
	X(archive_entry_mtime_nsec) \
	X(archive_entry_pathname) \
	X(archive_entry_perm) \
	X(archive_entry_rdev) \
	X(archive_entry_size) \
	X(archive_entry_size_is_set) \
	X(archive_entry_symlink) \
	X(archive_entry_uid) \
	X(archive_error_string) \
	X(archive_filter_bytes) \
	X(archive_format) \
	X(archive_read_data_block) \
	X(archive_read_free) \
	X(archive_read_new) \
	X(archive_read_next_header) \
	X(archive_read_open_fd) \
	X(archive_read_support_filter_bzip2) \
	X(archive_read_support_filter_compress) \
	X(archive_read_support_filter_gzip) \
	X(archive_read_support_filter_lz4) \
	X(archive_read_support_filter_lzip) \
	X(archive_read_support_filter_lzma) \
	X(archive_read_support_filter_xz) \
	X(archive_read_support_filter_zstd) \
	X(archive_read_support_format_7zip) \
	X(archive_read_support_format_cab) \
	X(archive_read_support_format_cpio) \
	X(archive_read_support_format_iso9660) \
	X(archive_read_support_format_lha) \
	X(archive_read_support_format_rar) \
	X(archive_read_support_format_rar5) \
	X(archive_read_support_format_tar) \
	X(archive_read_support_format_xar) \
	X(archive_read_support_format_zip)

struct libarchive {
#define X(f) __typeof__(f) *f;
	LIBARCHIVE_CALLS(X)
#undef X
};

/** Stays loaded. 0 or -errno. */
int libarchive_load(struct libarchive *ret, struct err *e);

#endif
