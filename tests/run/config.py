# SPDX-License-Identifier: Apache-2.0
"""config.py TEMPLATE OUT CODE...: a config.json, changed by lines of Python.

c is the config, p its process, l its linux; the functions below are for the most usual changes.
"""
import json
import os
import sys

c = json.load(open(sys.argv[1]))
p, l = c["process"], c["linux"]
p["terminal"] = False


def sh(text):
    p["args"] = ["sh", "-c", text]


def m(dest, type, source, *options, **more):
    c["mounts"].append(dict(destination=dest, type=type, source=source, options=list(options), **more))


def user(first=100000):
    l["namespaces"].append({"type": "user"})
    l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": first, "size": 65536}]


def without(*types):
    l["namespaces"] = [n for n in l["namespaces"] if n["type"] not in types]


def join(type, path):
    without(type)
    l["namespaces"].append({"type": type, "path": path})


def hook(text, **more):
    return [dict(path="/bin/sh", args=["sh", "-c", text], env=["PATH=/usr/bin:/bin"], **more)]


def rule(action, *names, **more):
    l["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [dict(names=list(names), action=action, **more)],
    }


for code in sys.argv[3:]:
    exec(code)
json.dump(c, open(sys.argv[2], "w"))
