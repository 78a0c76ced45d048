# SPDX-License-Identifier: Apache-2.0
# What containerd.sh and cri.sh have in common: a private containerd below $c, on $work/c.sock.
needs containerd ctr containerd-shim-runc-v2
c=$work/c
mkdir -p "$c"

ctr_in() { # containerd's namespace
	cat >"$work/bin/ctr" <<-END
		#!/bin/sh
		exec $(command -v ctr) -a $work/c.sock -n $1 "\$@"
	END
	chmod 755 "$work/bin/ctr"
}

# A tarball as `docker save` makes it: $c/NAME.tar. name, its command
save_image() {
	python3 - "$img" "$c" "$@" <<-'P'
		import hashlib, json, sys
		img, d, name = sys.argv[1:4]
		config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": sys.argv[4:], "Env":
		    ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
		    "rootfs": {"type": "layers", "diff_ids": ["sha256:" +
		    hashlib.sha256(open(img, "rb").read()).hexdigest()]}}
		json.dump(config, open(d + "/config.json", "w"))
		json.dump([{"Config": "config.json", "RepoTags": ["localhost/" + name + ":latest"],
		    "Layers": ["layer.tar"]}], open(d + "/manifest.json", "w"))
	P
	cp "$img" "$c/layer.tar"
	tar -C "$c" -cf "$c/$1.tar" manifest.json config.json layer.tar
}

start_containerd() {
	daemon containerd containerd -c "$c/config.toml"
	till ctr version || {
		tail -5 "$work/containerd.log"
		skip "containerd doesn't start here"
	}
}
