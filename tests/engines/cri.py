#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Calls a CRI socket as kubelet does, for cri.sh: cri.py SOCKET METHOD [JSON].

The JSON's keys are those of Kubernetes' api.proto (runtime.v1); only what the tests need is known here.
The answer is printed as JSON; a failed call's message goes to stderr, with status 1.
"""
import json
import sys

import grpc

STR, INT, MAP, LIST = "str", "int", "map", "list"

IMAGE = {"image": (1, STR)}
NAMESPACES = {"network": (1, INT), "pid": (2, INT), "ipc": (3, INT)}
RESOURCES = {"cpu_period": (1, INT), "cpu_quota": (2, INT), "cpu_shares": (3, INT),
             "memory_limit_in_bytes": (4, INT), "oom_score_adj": (5, INT)}
SANDBOX_SECURITY = {"namespace_options": (1, NAMESPACES)}
SANDBOX = {
    "metadata": (1, {"name": (1, STR), "uid": (2, STR), "namespace": (3, STR), "attempt": (4, INT)}),
    "hostname": (2, STR), "log_directory": (3, STR), "labels": (6, MAP), "annotations": (7, MAP),
    "linux": (8, {"cgroup_parent": (1, STR), "security_context": (2, SANDBOX_SECURITY)}),
}
MOUNT = {"container_path": (1, STR), "host_path": (2, STR), "readonly": (3, INT)}
SECURITY = {"namespace_options": (3, NAMESPACES), "readonly_rootfs": (7, INT)}
CONTAINER = {
    "metadata": (1, {"name": (1, STR), "attempt": (2, INT)}), "image": (2, IMAGE),
    "command": (3, (LIST, STR)), "args": (4, (LIST, STR)), "working_dir": (5, STR),
    "envs": (6, (LIST, {"key": (1, STR), "value": (2, STR)})), "mounts": (7, (LIST, MOUNT)),
    "labels": (9, MAP), "annotations": (10, MAP), "log_path": (11, STR),
    "linux": (15, {"resources": (1, RESOURCES), "security_context": (2, SECURITY)}),
}
STATUS = {"id": (1, STR), "state": (3, INT), "exit_code": (7, INT), "reason": (10, STR),
          "message": (11, STR)}
POD_ID, ID = {"pod_sandbox_id": (1, STR)}, {"container_id": (1, STR)}
ID_OUT = {"container_id": (1, STR)}

# method: what is sent, what comes
METHODS = {
    "Version": ({"version": (1, STR)}, {"runtime_name": (2, STR)}),
    "RunPodSandbox": ({"config": (1, SANDBOX), "runtime_handler": (2, STR)}, POD_ID),
    "StopPodSandbox": (POD_ID, {}),
    "RemovePodSandbox": (POD_ID, {}),
    "PodSandboxStatus": (POD_ID, {"status": (1, {"id": (1, STR), "state": (3, INT),
                                              "network": (5, {"ip": (1, STR)})})}),
    "CreateContainer": ({**POD_ID, "config": (2, CONTAINER), "sandbox_config": (3, SANDBOX)}, ID_OUT),
    "StartContainer": (ID, {}),
    "StopContainer": ({**ID, "timeout": (2, INT)}, {}),
    "RemoveContainer": (ID, {}),
    "ContainerStatus": (ID, {"status": (1, STATUS)}),
    "UpdateContainerResources": ({**ID, "linux": (2, RESOURCES)}, {}),
    "ExecSync": ({**ID, "cmd": (2, (LIST, STR)), "timeout": (3, INT)},
                 {"stdout": (1, STR), "stderr": (2, STR), "exit_code": (3, INT)}),
}


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def bytes_field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def one(number, kind, value):
    if kind == INT:
        return varint(number << 3) + varint(int(value))
    return bytes_field(number, value.encode() if kind == STR else pack(kind, value))


def pack(kinds, values):
    out = b""
    for key, value in values.items():
        number, kind = kinds[key]
        if kind == MAP:
            for k in sorted(value):
                out += bytes_field(number, one(1, STR, k) + one(2, STR, value[k]))
        elif isinstance(kind, tuple):
            out += b"".join(one(number, kind[1], v) for v in value)
        else:
            out += one(number, kind, value)
    return out


def get_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        n |= (byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:
            return n, at


def unpack(kinds, data):
    """Singular fields; those not asked for are skipped."""
    names, values, at = {n: (key, kind) for key, (n, kind) in kinds.items()}, {}, 0
    while at < len(data):
        tag, at = get_varint(data, at)
        if tag & 7 == 0:
            value, at = get_varint(data, at)
        else:
            size, at = get_varint(data, at) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
            value, at = data[at:at + size], at + size
        key, kind = names.get(tag >> 3, (None, None))
        if key is None:
            continue
        if kind == STR:
            value = value.decode(errors="replace")
        elif kind != INT:
            value = unpack(kind, value)
        values[key] = value
    return values


def main(socket, method, text="{}"):
    sent, comes = METHODS[method]
    channel = grpc.insecure_channel("unix://" + socket)
    call = channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                               request_serializer=lambda v: pack(sent, v),
                               response_deserializer=lambda b: unpack(comes, b))
    try:
        print(json.dumps(call(json.loads(text), timeout=90)))
    except grpc.RpcError as e:
        print(e.details(), file=sys.stderr)
        return 1
    return 0


sys.exit(main(*sys.argv[1:]))
