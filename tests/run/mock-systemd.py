#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# As much of systemd's manager as a container's scope needs, for tests/run/run-systemd.sh.
# usage: mock-systemd.py ADDRESS LOG    calls are written to LOG, a line each
import glob, os, sys
import dbus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

ROOT, MANAGER = "/sys/fs/cgroup", "org.freedesktop.systemd1.Manager"
log = open(sys.argv[2], "a", buffering=1)


def places(path):
    if os.path.exists(ROOT + "/cgroup.controllers"):
        return [ROOT + path]
    return [ROOT + "/" + c + path for c in ("systemd", "memory", "pids", "cpu")]


class Manager(dbus.service.Object):
    units = {}

    @dbus.service.method(MANAGER, in_signature="ssa(sv)a(sa(sv))", out_signature="o")
    def StartTransientUnit(self, name, mode, properties, aux):
        p = {str(k): v for k, v in properties}
        log.write("start %s %s %s\n" % (name, mode, " ".join(
            "%s=%s" % (k, p[k]) for k in sorted(p) if k != "PIDs")))
        path = ""
        words = str(p["Slice"])[:-6].split("-")
        for i in range(len(words)):
            path += "/" + "-".join(words[:i + 1]) + ".slice"
        path += "/" + str(name)
        for d in places(path):
            os.makedirs(d, exist_ok=True)
            for pid in p["PIDs"]:
                with open(d + "/cgroup.procs", "w") as f:
                    f.write(str(int(pid)))
        self.units[str(name)] = path
        return dbus.ObjectPath("/job/1")

    @dbus.service.method(MANAGER, in_signature="sba(sv)")
    def SetUnitProperties(self, name, runtime, properties):
        log.write("set %s %s\n" % (name, " ".join("%s=%s" % (k, v) for k, v in properties)))

    @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
    def StopUnit(self, name, mode):
        log.write("stop %s\n" % name)
        for d in places(self.units.pop(str(name))):
            os.rmdir(d)
        return dbus.ObjectPath("/job/2")

    @dbus.service.method(MANAGER, in_signature="s")
    def ResetFailedUnit(self, name):
        log.write("reset %s\n" % name)

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return "/" if name == "ControlGroup" else ""


bus = dbus.bus.BusConnection(sys.argv[1], mainloop=DBusGMainLoop())
name = dbus.service.BusName("org.freedesktop.systemd1", bus)
Manager(bus, "/org/freedesktop/systemd1")
log.write("ready\n")
GLib.MainLoop().run()
