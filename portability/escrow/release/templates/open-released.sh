#!/bin/sh
# Opens every deposit of this hand-over bundle with age, zstd, tar, sha256sum and ssh-keygen alone.
#
#   sh open-released.sh DESTINATION KEY
#
# KEY is your private key: an age identity file or an OpenSSH key. DESTINATION must not exist; it appears when everything
# is in it and checked. Otherwise nothing is left; only kill -9 or a power cut leaves a folder .open-released-... beside it.
set -eu
umask 077
unset CDPATH
LC_ALL=C
export LC_ALL
work=

fail() {
    echo "open-released.sh: $1" >&2
    exit 1
}
clean_up() {
    [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' HUP INT QUIT PIPE TERM

absolute() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "$PWD" "$1" ;;
    esac
}

[ $# -eq 2 ] || fail "usage: sh open-released.sh DESTINATION KEY"
for tool in age age-keygen zstd tar sha256sum ssh-keygen sed grep find sort mktemp; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed (on Debian: apt install age zstd openssh-client)"
done
destination=$(absolute "$1")
key=$(absolute "$2")
[ ! -e "$destination" ] && [ ! -L "$destination" ] || fail "$destination exists; nothing is overwritten"
[ -r "$key" ] || fail "cannot read the key $key"
cd -- "$(dirname -- "$0")"
ssh-keygen -Y check-novalidate -n legal-portability-release -s release.json.sig <release.json >/dev/null 2>&1 ||
    fail "the signature is not right over release.json"
[ -z "$(find deposits envelopes ! -type f ! -type d -print | head -n 1)" ] || fail "there is something that is no file"
work=$(mktemp -d "$(dirname -- "$destination")/.open-released-XXXXXX")
mkdir "$work/opened"

# Unpacks one age file to standard output; a failure leaves a mark, since a pipe tells only its end's.
unpack() {
    { age -d -i "$work/key" "$1" || : >"$work/failed"; } | { zstd -dcq || : >"$work/failed"; }
}

for deposit in deposits/[0-9][0-9][0-9][0-9][0-9][0-9]; do
    number=$(basename "$deposit")
    sum=$(sha256sum <"$deposit/manifest.json" | cut -d' ' -f1)
    grep -q "\"manifest_sha256\":\"$sum\"" release.json || fail "deposit $number is not one of release.json"
    ssh-keygen -Y check-novalidate -n legal-portability-sealed -s "$deposit/manifest.json.sig" \
        <"$deposit/manifest.json" >/dev/null 2>&1 || fail "the signature is not right over $deposit/manifest.json"
    tr '{' '\n' <"$deposit/manifest.json" |
        sed -n 's/^"path":"\([A-Za-z0-9_.+/-]*\)".*"sha256":"\([0-9a-f]\{64\}\)","size_bytes":.*/\2  \1/p' >"$work/sums"
    [ -s "$work/sums" ] || fail "$deposit/manifest.json lists no files"
    (cd "$deposit" && sha256sum -c --strict --quiet "$work/sums") >&2 || fail "a file of deposit $number is damaged"
    age -d -i "$key" -o "$work/key" "envelopes/$number.age" || fail "your key does not open envelopes/$number.age"
    commitment=$(sed -n 's/.*"commitment":"\([0-9a-f]\{64\}\)".*/\1/p' "$deposit/manifest.json")
    [ "$(age-keygen -y "$work/key" | tr -d '\n' | sha256sum | cut -d' ' -f1)" = "$commitment" ] ||
        fail "envelopes/$number.age holds another key than the manifest commits to"
    mkdir "$work/segment" "$work/content"
    for segment in "$deposit"/segments/*.age; do
        unpack "$segment" | tar -x -f - -C "$work/segment" --no-same-owner --no-same-permissions || : >"$work/failed"
        [ ! -e "$work/failed" ] || fail "$segment does not open"
        [ -z "$(find "$work/segment" \( ! -type f ! -type d -o -name '*[!A-Za-z0-9_.-]*' \) -print | head -n 1)" ] ||
            fail "$segment holds something that is no file of an archive"
        [ ! -d "$work/segment/files" ] || cp -R "$work/segment/files/." "$work/content/"
        if [ -d "$work/segment/slices" ]; then
            (cd "$work/segment/slices" && find . -type f | sort) | while read -r slice; do
                mkdir -p "$work/content/$(dirname "$(dirname "$slice")")"
                cat "$work/segment/slices/$slice" >>"$work/content/$(dirname "$slice")"
            done
        fi
        rm -rf "$work/segment"
        mkdir "$work/segment"
    done
    unpack "$deposit/catalog.age" >"$work/catalog"
    [ ! -e "$work/failed" ] || fail "$deposit/catalog.age does not open"
    sed -n 's/^{"path":"\([A-Za-z0-9_./-]*\)",.*,"sha256":"\([0-9a-f]\{64\}\)","size_bytes":[0-9]*}$/\2  \1/p' \
        "$work/catalog" >"$work/sums"
    [ "$(wc -l <"$work/catalog")" -eq "$(wc -l <"$work/sums")" ] || fail "the catalog is written in a way not known here"
    sed 's/^[0-9a-f]*  //' "$work/sums" | sort >"$work/named"
    (cd "$work/content" && find . -type f) | sed 's|^\./||' | sort >"$work/found"
    [ "$(sha256sum <"$work/named")" = "$(sha256sum <"$work/found")" ] || fail "there are other files than the catalog names"
    (cd "$work/content" && sha256sum -c --strict --quiet "$work/sums") >&2 || fail "a file is not what was sealed"
    mv "$work/content" "$work/opened/$number"
    rm -rf "$work/segment" "$work/key"
    echo "Deposit $number: $(wc -l <"$work/sums") files, all as they were sealed."
done
sync
[ ! -e "$destination" ] && [ ! -L "$destination" ] || fail "$destination was made meanwhile; nothing is overwritten"
mv -T -- "$work/opened" "$destination"
echo "Opened: $destination"
