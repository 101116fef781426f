#!/bin/sh
# Opens the sealed archive that this file lies in, with age, zstd, tar, sha256sum and ssh-keygen alone.
#
#   sh open.sh [-t ALLOWED_SIGNERS] DESTINATION KEY [KEY ...]
#
# KEY is a private key of a recipient: an age identity file or an OpenSSH key; give several where it takes several.
# With -t the signature must be by somebody in that file (the format of ssh-keygen's allowed_signers). DESTINATION must
# not exist; it appears when everything is in it and checked. Otherwise nothing is left behind; only kill -9 or a power cut
# leaves a folder .open-sh-... beside DESTINATION, with the archive's key in it: the next run names it, remove it. See OPEN.md.
set -eu
umask 077
unset CDPATH
LC_ALL=C
export LC_ALL

NAMESPACE=legal-portability-sealed
work=

fail() {
    echo "open.sh: $1" >&2
    exit 1
}

absolute() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "$PWD" "$1" ;;
    esac
}

clean_up() {
    [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' HUP INT QUIT PIPE TERM

# --- arguments -------------------------------------------------------------------------------------------------------

trust=
if [ "${1:-}" = -t ]; then
    [ $# -ge 2 ] || fail "-t needs a file"
    trust=$(absolute "$2")
    [ -r "$trust" ] || fail "cannot read $trust"
    shift 2
fi
[ $# -ge 2 ] || fail "usage: sh open.sh [-t ALLOWED_SIGNERS] DESTINATION KEY [KEY ...]"
for tool in age age-keygen zstd tar sha256sum ssh-keygen sed grep find sort mktemp; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed (on Debian: apt install age zstd openssh-client)"
done
destination=$(absolute "$1")
shift
[ ! -e "$destination" ] && [ ! -L "$destination" ] || fail "$destination exists; nothing is overwritten"
parent=$(dirname -- "$destination")
[ -d "$parent" ] || fail "there is no folder $parent"
# The keys become age's arguments: -i KEY -i KEY. Nothing secret is in them, they are names of files.
count=$#
while [ "$count" -gt 0 ]; do
    [ -r "$1" ] || fail "cannot read the key $1"
    set -- "$@" -i "$(absolute "$1")"
    shift
    count=$((count - 1))
done
for left in "$parent"/.open-sh-*; do
    [ ! -d "$left" ] || echo "open.sh: $left: a run still runs, or was killed; it may hold the archive's key: remove it" >&2
done
cd -- "$(dirname -- "$0")"
work=$(mktemp -d "$parent/.open-sh-XXXXXX")

# --- who signed ------------------------------------------------------------------------------------------------------

# A link would lead out of this folder, and a pipe would keep whoever reads it waiting.
odd=$(find . ! -type f ! -type d -print | head -n 1)
[ -z "$odd" ] || fail "$odd is no file"
[ -f manifest.json ] && [ -f manifest.json.sig ] || fail "manifest.json or its signature is missing"
# What is checked is what is used, whatever happens here meanwhile: what everything hangs on is copied, and only the copy is read.
mkdir "$work/sealed" "$work/sealed/keys"
manifest=$work/sealed/manifest.json
cp manifest.json manifest.json.sig "$work/sealed/"
ssh-keygen -Y check-novalidate -n "$NAMESPACE" -s "$manifest.sig" <"$manifest" >"$work/signature" 2>&1 ||
    fail "the signature is not right over manifest.json: it was damaged or changed"
if [ -n "$trust" ]; then
    # The signer's key must have been valid when the manifest says that it was sealed.
    at=$(sed -n 's/.*"sealed_at":"\([0-9-]*T[0-9:]*\)[.0-9]*Z".*/\1Z/p' "$manifest" | tr -d 'T:-')
    [ "${#at}" -eq 15 ] || fail "manifest.json does not say when it was sealed"
    [ "${at%Z}" -le "$(date -u -d '+1 day' +%Y%m%d%H%M%S)" ] || fail "manifest.json says that it was sealed in the future"
    # Line by line, since ssh-keygen names only the first line that has the key, and another one may be for this purpose.
    signer=
    verified=
    while [ -z "$verified" ] && { read -r line || [ -n "$line" ]; }; do
        printf '%s\n' "$line" >"$work/trusted"
        names=$(ssh-keygen -Y find-principals -s "$manifest.sig" -f "$work/trusted" -O verify-time="$at" \
            </dev/null 2>/dev/null) || continue
        signer=$(printf '%s\n' "$names" | tr ',' '\n' | sed '/^!/d' | head -n 1)
        if ssh-keygen -Y verify -f "$work/trusted" -I "$signer" -n "$NAMESPACE" -s "$manifest.sig" -O verify-time="$at" \
            <"$manifest" >/dev/null 2>&1; then
            verified=yes
        fi
    done <"$trust"
    [ -n "$signer" ] || fail "the signature is by nobody in $trust, or their key was not valid on $at"
    [ -n "$verified" ] || fail "$signer may not sign this, or their key was not valid on $at"
    echo "Signed by $signer, who is in $trust."
else
    sed 's/^Good/A right/; s/$/. Nobody was named who should have signed (-t)./' "$work/signature"
fi

# --- is everything there and undamaged -------------------------------------------------------------------------------

# manifest.json has one spelling (RFC 8785), so that each listed file is, after a brace, exactly this:
tr '{' '\n' <"$manifest" | grep '^"path":' >"$work/files" || fail "manifest.json lists no files"
sed -n 's/^"path":"\([A-Za-z0-9_.+/-]*\)"\(,"plain_bytes":[0-9a-z]*\)\{0,1\},"sha256":"\([0-9a-f]\{64\}\)","size_bytes":[0-9]*}.*/\3  \1/p' \
    "$work/files" >"$work/sha256sums"
[ "$(wc -l <"$work/files")" -eq "$(wc -l <"$work/sha256sums")" ] || fail "manifest.json lists files in a way not known here"
sed 's/^[0-9a-f]*  //' "$work/sha256sums" >"$work/paths"
# Only the names that the format knows: nothing outside of this folder is ever read.
! grep -qvE '^(segments/[0-9]{6}\.age|keys/[a-z0-9+_-]+\.age|catalog\.age|OPEN\.md|open\.sh)$' "$work/paths" ||
    fail "manifest.json lists a file that no sealed archive has"
for path in catalog.age $(grep '^keys/' "$work/paths"); do
    cp "$path" "$work/sealed/$path" 2>/dev/null || : # missing; it is named below
done
# The copies are hashed where they lie; segments need none, since the catalog has the hash of every file that is in them.
grep -E '  (catalog\.age|keys/.*)$' "$work/sha256sums" >"$work/copied" || fail "manifest.json lists no catalog and no key"
grep -vE '  (catalog\.age|keys/.*)$' "$work/sha256sums" >"$work/others" || fail "manifest.json lists no segments"
{ (cd "$work/sealed" && sha256sum -c --strict --quiet "$work/copied") && sha256sum -c --strict --quiet "$work/others"; } >&2 ||
    fail "a file is missing or damaged (named above)"
echo "All $(wc -l <"$work/paths") files are there and undamaged."

# --- the deposit's own key, from an envelope -------------------------------------------------------------------------

commitment=$(sed -n 's/.*"commitment":"\([0-9a-f]\{64\}\)".*/\1/p' "$manifest")

# Opens envelope $1, one layer for each name in its file's name, with the keys that follow; says whether it fits.
open_envelope() {
    envelope=$1
    shift
    cp "$work/sealed/$envelope" "$work/layer"
    for _ in $(basename "$envelope" .age | tr '+' ' '); do
        age -d "$@" -o "$work/inner" "$work/layer" 2>>"$work/age" || return 1
        mv -f "$work/inner" "$work/layer"
    done
    recipient=$(age-keygen -y "$work/layer" 2>>"$work/age") || return 1
    [ "$(printf %s "$recipient" | sha256sum | cut -d' ' -f1)" = "$commitment" ] || {
        echo "open.sh: $envelope holds another key than the manifest commits to" >&2
        return 1
    }
    mv "$work/layer" "$work/key"
}

: >"$work/age"
for envelope in $(grep '^keys/' "$work/paths"); do
    if open_envelope "$envelope" "$@"; then
        echo "Opened by $(basename "$envelope" .age)."
        break
    fi
done
if [ ! -f "$work/key" ]; then
    sort -u "$work/age" >&2
    fail "these keys open no envelope; OPEN.md says whose keys do, and how many it takes"
fi

# --- segments, in order ----------------------------------------------------------------------------------------------

mkdir "$work/content" "$work/segment"

# Unpacks one age file to standard output; a failure leaves a mark, since a pipe tells only its end's.
unpack() {
    { age -d -i "$work/key" "$1" || : >"$work/failed"; } | { zstd -dcq || : >"$work/failed"; }
}

for path in $(grep '^segments/' "$work/paths" | sort); do
    unpack "$path" | tar -x -f - -C "$work/segment" --no-same-owner --no-same-permissions || : >"$work/failed"
    [ ! -e "$work/failed" ] || fail "$path does not open"
    # What is no file, has a name that no archive has (a line's end in it makes two of one) or is in neither of the two
    # folders has no business here; links are looked for before any is followed.
    [ -z "$(find "$work/segment" \( ! -type f ! -type d -o -name '*[!A-Za-z0-9_.-]*' \) -print | head -n 1)" ] ||
        fail "$path holds something that is no file of an archive"
    [ -z "$(find "$work/segment" -mindepth 1 -maxdepth 1 ! -name files ! -name slices -print)" ] ||
        fail "$path holds something that is not of an archive"
    if [ -d "$work/segment/files" ]; then
        cp -R -l "$work/segment/files/." "$work/content/" 2>/dev/null || cp -R "$work/segment/files/." "$work/content/"
    fi
    if [ -d "$work/segment/slices" ]; then
        (cd "$work/segment/slices" && find . -type f | sort) | while read -r slice; do
            mkdir -p "$work/content/$(dirname "$(dirname "$slice")")"
            cat "$work/segment/slices/$slice" >>"$work/content/$(dirname "$slice")"
        done
    fi
    rm -rf "$work/segment"
    mkdir "$work/segment"
done

# --- is it what was sealed -------------------------------------------------------------------------------------------

unpack "$work/sealed/catalog.age" >"$work/catalog"
[ ! -e "$work/failed" ] || fail "catalog.age does not open"
sed -n 's/^{"path":"\([A-Za-z0-9_./-]*\)",.*,"sha256":"\([0-9a-f]\{64\}\)","size_bytes":[0-9]*}$/\2  \1/p' \
    "$work/catalog" >"$work/sha256sums"
files=$(wc -l <"$work/catalog")
[ "$files" -eq "$(wc -l <"$work/sha256sums")" ] || fail "the catalog is written in a way not known here"
sed 's/^[0-9a-f]*  //' "$work/sha256sums" | sort >"$work/named"
(cd "$work/content" && find . -type f) | sed 's|^\./||' | sort >"$work/found"
[ "$(sha256sum <"$work/named")" = "$(sha256sum <"$work/found")" ] || fail "there are other files than the catalog names"
if [ "$files" -gt 0 ]; then
    (cd "$work/content" && sha256sum -c --strict --quiet "$work/sha256sums" >&2) ||
        fail "a file is not what was sealed (named above)"
fi
if [ -f "$work/content/bagit.txt" ]; then
    (cd "$work/content" && sha256sum -c --strict --quiet tagmanifest-sha256.txt manifest-sha256.txt >&2) ||
        fail "the archive's own manifest does not agree (named above)"
fi
sync
[ ! -e "$destination" ] && [ ! -L "$destination" ] || fail "$destination was made meanwhile; nothing is overwritten"
mv -T -- "$work/content" "$destination"
echo "$files files, all as they were sealed: $destination"
