#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Perl's hash order and its made-up numbers.
use strict;
use warnings;
use Time::HiRes qw(time);

my %h = map { $_ => length } qw(the quick brown fox jumps over a lazy dog and runs away);
print join(' ', keys %h), "\n";
print join(' ', each %h), "\n";
print rand(), ' ', int(rand(1e9)), "\n";
print \%h, ' ', sub { 1 }, "\n";
print time, ' ', $^T, ' ', $$, "\n";
print scalar(localtime), "\n";
opendir(my $d, '/etc') or die "/etc: $!\n";
print join(' ', (readdir $d)[0 .. 9]), "\n";
print join(' ', glob('/usr/*')), "\n";
