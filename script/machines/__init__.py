"""The machines behind script/machine.

chroot: a Debian of its own below the kernel and the network of this machine.
guest:  this machine's root below a Debian kernel, in an emulator.
system: a whole Debian, from its kernel and systemd up, in an emulator.

What takes long is made once and kept in a cache (``Cache``): a base system, what commands installed on
top of it (a layer), a disk image, a kernel. Each carries in its name a key over everything that it
depends on, so it is never brought up to date, only made anew. A run stands on these and writes to a
folder of its own, which goes with it.

Whatever is mounted is mounted in a namespace whose processes end with the process that made it
(``apart``), also after kill -9: this machine's own list of mounts never changes. Python's standard
library alone is imported, because script/setup has not run on the machine that starts this.
"""
