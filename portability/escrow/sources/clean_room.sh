#!/bin/sh
# A root of its own with nothing in it but the machine's programs, read-only, and one folder that can be written.
# Runs inside fresh user, mount, PID, network and IPC namespaces; called by building.py with ROOT FOLDER COMMAND...
set -eu
root=$1
folder=$2
shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=0755,nosuid,nodev,size=64m tmpfs "$root"
bind_readonly() {
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
    mount -o remount,bind,ro,nosuid,nodev "$root$1"
}
for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"; elif [ -d "/$name" ]; then bind_readonly "/$name"; fi
done
for name in /usr $PORTABILITY_TOOL_FOLDERS; do bind_readonly "$name"; done
mkdir "$root/etc"
for name in alternatives ca-certificates debian_version fonts ld.so.cache ld.so.conf ld.so.conf.d localtime magic \
    mime.types nsswitch.conf os-release protocols services ssl/certs ssl/openssl.cnf; do
    [ -e "/etc/$name" ] || continue
    mkdir -p "$root/etc/$(dirname "$name")"
    cp -RP "/etc/$name" "$root/etc/$name" 2>/dev/null || :
done
printf 'root:x:0:0::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
mkdir "$root/dev" "$root/proc" "$root/tmp" "$root/deposit" "$root/.old"
for name in null zero full random urandom; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev,size=4g tmpfs "$root/tmp"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" || echo "clean room: no /proc here" >&2
# No namespaces within this one: its limits are per user namespace, so this is set for the clean room alone.
echo 0 2>/dev/null >"$root/proc/sys/user/max_user_namespaces" || :
mount --bind "$folder" "$root/deposit"
mount -o remount,bind,nosuid,nodev "$root/deposit"
# What proves that there is no network: the interfaces of this namespace.
tail -n +3 /proc/self/net/dev | cut -d: -f1 | tr -d ' ' >"$PORTABILITY_SEEN"
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
mount -o remount,bind,ro,nosuid,nodev /
cd "/deposit/$PORTABILITY_ORIGIN"
unset OLDPWD PORTABILITY_ORIGIN PORTABILITY_SEEN PORTABILITY_TOOL_FOLDERS
ulimit -c 0
# Without a capability, and with no way to get one back: what is read-only stays so.
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
