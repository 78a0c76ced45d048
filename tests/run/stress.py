# SPDX-License-Identifier: Apache-2.0
# For run-stress.sh: stress.py DETRUN BUNDLE WORK STRIDE; WORK/nomem.so is tests/guest/nomem.c, or not there.
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

DETRUN, BUNDLE, WORK, STRIDE = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
STATES = WORK + "/containers"
ID = "stress%d" % os.stat(WORK).st_ino
count = {True: 0, False: 0}
NULL = subprocess.DEVNULL


def ok(good, what):
    print(("ok - " if good else "not ok - ") + what, flush=True)
    count[good] += 1


def detrun(mode, *args):
    return [DETRUN, "--root", STATES, "--determinism=" + mode, *args]


def run(argv, seconds=30):
    """Exit status (minus the signal), standard error; None: out of time."""
    p = subprocess.Popen(argv, stdin=NULL, stdout=NULL, stderr=open(WORK + "/err", "wb"), cwd=BUNDLE)
    try:
        status = p.wait(seconds)
    except subprocess.TimeoutExpired:
        status = None
        p.kill()
        p.wait()
    return status, open(WORK + "/err", errors="replace").read()


def config(command):
    path = BUNDLE + "/config.json"
    if os.path.exists(path):
        os.remove(path)
    subprocess.run([DETRUN, "spec"], cwd=BUNDLE, check=True)
    c = json.load(open(path))
    c["process"]["terminal"] = False
    c["process"]["args"] = ["sh", "-c", command]
    json.dump(c, open(path, "w"))


# --- what is left --------------------------------------------------------------------------------

def processes():
    found = set()
    for d in glob.glob("/proc/[0-9]*"):
        try:
            state = re.search(r"^State:\s+(\S)", open(d + "/status").read(), re.M).group(1)
            if state not in "ZX":
                found.add("process %s %s" % (d[6:], open(d + "/comm").read().strip()))
        except (OSError, AttributeError):
            pass
    return found


def world():
    found = set(processes())
    found |= {"mount " + l.split()[4] for l in open("/proc/self/mountinfo")}
    found |= {"socket " + (l.split() + [""])[7] for l in open("/proc/net/unix") if len(l.split()) > 7}
    for top in (STATES, WORK + "/state", WORK + "/runtime", "/run", "/dev/shm", BUNDLE):
        for d, dirs, files in os.walk(top):
            found |= {"file " + os.path.join(d, f) for f in dirs + files}
    for depth in ("/*/", "/*/*/", "/*/*/*/"):
        found |= {"cgroup " + p for p in glob.glob("/sys/fs/cgroup" + depth + ID)}
    return found


def left(before):
    for _ in range(40):
        more = world() - before
        if not more:
            return ""
        time.sleep(0.05)
    return ", ".join(sorted(more))


def cleaned(before):
    """What is wrong after a delete, which is the cure of everything."""
    status, text = run(detrun("off", "delete", "--force", ID))
    if status != 0:
        return "delete: %s %s" % (status, text)
    return left(before)


# --- one system call --------------------------------------------------------------------------

NOT_OURS = {"exit_group", "exit", "arch_prctl", "set_tid_address", "rt_sigreturn", "restart_syscall"}


def points(argv):
    """(name, how many of that name before, of ours?) of each call that a command makes."""
    n, seen, found, loading = WORK + "/calls", {}, [], True
    run(["strace", "-qq", "-o", n, *argv])
    for line in open(n, errors="replace"):
        m = re.match(r"(\w+)\(", line)
        if not m:
            continue
        name = m.group(1)
        seen[name] = seen.get(name, 0) + 1
        if name not in NOT_OURS:
            found.append((name, seen[name], not loading))
        if name.startswith("execve"):
            loading = True # ld.so's, until it lets go of its cache
        elif name == "munmap":
            loading = False
    return found


def struck(argv, name, nth, what):
    return run(["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + name,
                "-e", "inject=%s:%s:when=%d" % (name, what, nth), *argv])


ERRORS = {
    "ENOSPC": "write pwrite64 writev mkdir mkdirat rename renameat renameat2 symlinkat linkat fsync "
              "ftruncate fallocate bind mknodat sendto sendmsg",
    "EMFILE": "open openat openat2 pipe2 socket socketpair dup fcntl memfd_create accept4 pidfd_open "
              "open_tree fsopen fsmount eventfd2 signalfd4 timerfd_create epoll_create1",
    "ENOMEM": "mmap clone clone3 fork vfork mprotect munmap prctl seccomp",
    "EIO": "read pread64 getdents64 readlink readlinkat newfstatat fstatfs statfs statx lseek flock "
           "connect listen recvmsg recvfrom setsockopt getsockopt",
    "EPERM": "unshare setns mount umount2 move_mount mount_setattr kill pidfd_send_signal chdir "
             "fchdir fchmod fchown fchownat setresuid setresgid setgroups unlinkat rmdir unlink",
    "EINTR": "read write openat poll ppoll flock connect accept4 recvmsg sendmsg",
}


def errors_of(name):
    return [e for e, names in ERRORS.items() if name in names.split()]


def wrong(status, text, error):
    """What a verb whose call failed does not do: a line that says so, and an end."""
    if status is None:
        return "hangs"
    if status < 0 or 128 < status < 255:
        return "status %d %s" % (status, text)
    lines = [l for l in text.splitlines() if not l.startswith("detrun: warning: ")]
    if status and len(lines) != 1:
        return "status %d, says %r" % (status, text)
    return ""


# --- verbs ----------------------------------------------------------------------------------------

def prepare(mode, verb):
    for v in {"create": [], "run": [], "start": ["create"]}.get(verb, ["create", "start"]):
        status, text = run(detrun(mode, v, ID))
        if status != 0:
            raise SystemExit("%s: %s" % (v, text))


def command(mode, verb):
    more = {"exec": ["true"], "kill": ["KILL"]}.get(verb, [])
    flags = {"run": ["-d"], "delete": ["--force"]}.get(verb, [])
    return detrun(mode, verb, *flags, ID, *more)


def alive(mode):
    out = subprocess.run(detrun(mode, "state", ID), stdin=NULL, stdout=subprocess.PIPE, stderr=NULL).stdout
    return b'"status": "created"' in out or b'"status": "running"' in out


def one(mode, verb, before, name, nth, what):
    prepare(mode, verb)
    status, text = struck(command(mode, verb), name, nth, what)
    bad = wrong(status, text, what) if what.startswith("error") else ""
    if not bad and status == 0 and verb in ("create", "run") and not alive(mode):
        bad = "succeeds, but nothing is there"
    return ", ".join(filter(None, (bad, cleaned(before))))


def each_verb(mode, verb, before):
    prepare(mode, verb)
    calls = points(command(mode, verb))
    bad, n = [], 0
    must = cleaned(before)
    if must:
        bad.append(must)
    for i, (name, nth, ours) in enumerate(calls):
        whats = ["signal=KILL"] if i % STRIDE == 0 else []
        if ours:
            whats += ["error=" + e for j, e in enumerate(errors_of(name)) if (i + j) % STRIDE == 0]
        for what in whats:
            n += 1
            b = one(mode, verb, before, name, nth, what)
            if b:
                bad.append("%s %s %d of %s: %s" % (what, name, nth, len(calls), b))
                print("# " + bad[-1], flush=True)
    ok(not bad, "%s: %s, struck %d times at its %d system calls" % (mode, verb, n, len(calls)))


# --- memory -----------------------------------------------------------------------------------------

def no_memory(mode, verb, nth):
    return ["env", "LD_PRELOAD=" + WORK + "/nomem.so", "NOMEM=" + nth, "NOMEM_COUNT=" + WORK + "/count",
            *command(mode, verb)]


def each_memory(mode, verb, before):
    prepare(mode, verb)
    run(no_memory(mode, verb, "0"))
    total = int(open(WORK + "/count").read())
    os.remove(WORK + "/count")
    bad = [b for b in [cleaned(before)] if b]
    step = max(1, STRIDE * total // 700)
    turns = range(1 + STRIDE % step, total + 1, step)
    for i in turns:
        nth = "%d%s" % (i, "+" if i // step % 2 else "")
        prepare(mode, verb)
        b = wrong(*run(no_memory(mode, verb, nth)), nth)
        b = ", ".join(filter(None, (b, cleaned(before))))
        if b:
            bad.append(b)
            print("# %s: %s: request %s: %s" % (mode, verb, nth, b), flush=True)
    ok(not bad, "%s: %s, without memory at %d of its %d requests" % (mode, verb, len(turns), total))


# --- the supervisor -------------------------------------------------------------------------------

def shim():
    return json.load(open("%s/%s/state.json" % (STATES, ID)))["shim"]


def traced(pid):
    for _ in range(200):
        try:
            if not re.search(r"^TracerPid:\s+0$", open("/proc/%d/status" % pid).read(), re.M):
                return True
        except OSError:
            return False
        time.sleep(0.01)
    return False


def supervisor(what, name, nth, out):
    """Start a container whose supervisor is struck; wait until that has ended."""
    prepare("record", "start")
    pid = shim()
    inject = ["-e", "trace=" + name, "-e", "inject=%s:%s:when=%s" % (name, what, nth)] if name else []
    s = subprocess.Popen(["strace", "-qq", "-o", out, *inject, "-p", str(pid)], stdin=NULL,
                         stdout=NULL, stderr=NULL)
    traced(pid)
    status, text = run(detrun("record", "start", ID))
    try:
        s.wait(100)
    except subprocess.TimeoutExpired:
        s.send_signal(signal.SIGINT)
        s.wait()
        return "its supervisor stays"
    return "" if status is not None else "start hangs"


def each_supervisor(before):
    out, seen, calls, bad, n = WORK + "/calls", {}, [], [], 0
    supervisor("", "", 0, out)
    for line in open(out, errors="replace"):
        m = re.match(r"(\w+)\(", line)
        if m and m.group(1) not in NOT_OURS:
            seen[m.group(1)] = seen.get(m.group(1), 0) + 1
            calls.append((m.group(1), seen[m.group(1)]))
    b = cleaned(before)
    for i in range(0, len(calls), max(1, STRIDE * len(calls) // 1600)):
        name, nth = calls[i]
        whats = ["signal=KILL"] + ["error=" + e for e in errors_of(name)]
        n += 1
        b = supervisor(whats[n % len(whats)], name, nth, "/dev/null") or cleaned(before)
        if b:
            bad.append(b)
            print("# %s %s %d: %s" % (whats[n % len(whats)], name, nth, b), flush=True)
            cleaned(before)
    ok(not bad, "the supervisor, struck %d times at its %d system calls" % (n, len(calls)))


# --- at any moment --------------------------------------------------------------------------------

def any_moment(mode, whom, before):
    """The first process or the supervisor of a busy container is killed while it works."""
    bad = []
    turns = max(10, 200 // STRIDE)
    for i in range(turns):
        prepare(mode, "kill")
        state = json.load(open("%s/%s/state.json" % (STATES, ID)))
        time.sleep(0.15 * i / turns)
        try:
            os.kill(state[whom], signal.SIGKILL)
        except ProcessLookupError:
            pass
        b = cleaned(before)
        if b:
            bad.append(b)
            print("# %d: %s" % (i, b), flush=True)
    ok(not bad, "%s: the %s killed at %d moments" % (mode, {"pid": "first process"}.get(whom, "supervisor"), turns))


def parallel(mode, before):
    """Many lives at once, of which some are killed in the middle."""
    script = 'd="%s"; for i in $(seq %d); do c=%s-$1-$i; $d create $c && $d start $c; ' \
        'case $i in *3) $d exec $c true;; *5) $d pause $c; $d resume $c;; esac; ' \
        '$d delete --force $c || echo $c; done' % (" ".join(detrun(mode)), max(4, 64 // STRIDE), ID)
    many = [subprocess.Popen(["sh", "-c", script, "sh", str(i)], stdin=NULL, cwd=BUNDLE,
                             stdout=open("%s/par.%d" % (WORK, i), "w"), stderr=NULL) for i in range(8)]
    for p in many:
        p.wait()
    text = "".join(open("%s/par.%d" % (WORK, i)).read() for i in range(8))
    more = left(before)
    ok(not text and not more, "%s: eight lives at once%s" % (mode, text + more))


def main():
    only = os.environ.get("ONLY", "")
    config("sleep 100")
    # What is made once: the key, the state's own directory.
    for mode in ("off", "record"):
        prepare(mode, "kill")
        run(detrun(mode, "delete", "--force", ID))
    before = world()
    for mode in ("off", "record"):
        for verb in ("create", "start", "run", "exec", "kill", "pause", "delete"):
            if not only or verb in only.split():
                each_verb(mode, verb, before)
    if os.path.exists(WORK + "/nomem.so") and (not only or "memory" in only):
        before.add("file " + WORK + "/count")
        for mode in ("off", "record"):
            for verb in ("create", "start", "run", "exec", "kill", "pause", "delete"):
                each_memory(mode, verb, before)
    config("i=0; while [ $i -lt 8 ]; do i=$((i+1)); true & cat /etc/passwd >/tmp/$i; wait; done")
    before |= world()
    if not only or "supervisor" in only:
        each_supervisor(before)
    config("while :; do /bin/true & wait; done")
    if not only or "moment" in only:
        any_moment("record", "shim", before)
        any_moment("record", "pid", before)
        any_moment("off", "pid", before)
    if not only or "parallel" in only:
        for mode in ("off", "record"):
            parallel(mode, before)
    print("%d passed, %d failed" % (count[True], count[False]))
    return count[False] > 0


sys.exit(main())
