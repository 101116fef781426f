#!/bin/sh
# Puts the archive of a differential deposit together again, with sh, awk, tar and the GNU coreutils alone.
#
#   sh 000003/data/assemble.sh DESTINATION
#
# Opened deposits lie side by side, each in a folder named with its number in six digits (000001, 000002, ...). DESTINATION
# must not exist; it appears when everything is in it and checked. Otherwise nothing is left behind; only kill -9 or a power
# cut leaves a folder .assemble-... beside DESTINATION: remove it. See assemble.md, which lies beside this file.
set -eu
LC_ALL=C
export LC_ALL
umask 077

stop() {
  echo "assemble.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] || stop "give one folder that does not exist yet: sh 000003/data/assemble.sh DESTINATION"
out=$1
[ ! -e "$out" ] && [ ! -L "$out" ] || stop "$out exists; nothing is overwritten"
here=$(cd "$(dirname "$0")/.." && pwd -P)
all=$(dirname "$here")
index=$here/data/index.jsonl
[ -f "$index" ] || stop "there is no index.jsonl beside this script"

# 1. The index: its form, and nothing in it that leads out of a folder. Every line is checked before one is used.
name='[A-Za-z0-9_][A-Za-z0-9_.-]*\(/[A-Za-z0-9_][A-Za-z0-9_.-]*\)*'
hash='"sha256":"[0-9a-f]\{64\}"'
number='[0-9]\{1,15\}'
piece="{\"deposit\":$number,\"offset\":$number,\"path\":\"$name\",$hash,\"size_bytes\":$number}"
line="{\"path\":\"$name\",\"pieces\":\[\($piece\(,$piece\)*\)\{0,1\}\],$hash,\"size_bytes\":$number}"
header=$(head -n 1 "$index")
case $header in
*'"format":"legal-portability-differential"'*'"version":"1.'*) ;;
*) stop "index.jsonl is of another format" ;;
esac
odd=$(tail -n +2 "$index" | grep -vxn -m 1 "$line" | cut -c 1-200) || true
[ -z "$odd" ] || stop "index.jsonl has a line that is none: $odd"
sequence=$(printf '%s' "$header" | sed 's/.*"sequence":\([0-9]*\),"version".*/\1/')
[ "$(basename "$here")" = "$(printf %06d "$sequence")" ] || stop "name this folder $(printf %06d "$sequence")"
needed=$(printf '%s' "$header" | tr '{' '\n' | sed -n 's/.*"sequence":\([0-9]*\)}.*/\1/p')
for each in $needed; do
  [ -d "$all/$(printf %06d "$each")" ] || stop "open deposit $each too, as $all/$(printf %06d "$each"); needed:" $needed
done

# 2. What goes where: "target size" of whole files that lie under the same path in another deposit, and all other pieces.
parent=$(cd "$(dirname "$out")" && pwd -P) || stop "there is no folder for $out"
work=$(mktemp -d "$parent/.assemble-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir "$work/archive"
tail -n +2 "$index" | tr '{' '\n' | awk -F '"' -v work="$work" -v all="$all" '
  function digits(text) { gsub(/[^0-9]/, "", text); return text }
  function flush() {
    if (target == "" || count > 1) return
    if (count == 1 && path == target && offset == "0") print size, target > (work "/whole-" folder)
    else printf "F %s\n%s", target, count ? first : "" > (work "/pieces")
  }
  $2 == "path" { flush(); target = $4; count = 0 }
  $2 == "deposit" {
    if (++count == 2) printf "F %s\n%s", target, first > (work "/pieces")
    folder = sprintf("%06d", digits($3)); offset = digits($5); path = $8; size = digits($15)
    found = sprintf("P %s/%s/%s %s %s\n", all, folder, path, offset, size)
    if (count == 1) first = found
    else printf "%s", found > (work "/pieces")
  }
  END { flush() }' || stop "the index cannot be read"

# 3. Whole files, deposit by deposit; one that is longer over there than here goes with the pieces.
: > "$work/left"
for list in "$work"/whole-*; do
  [ -f "$list" ] || continue
  folder=$all/${list##*/whole-}
  (cd "$folder" && find . -type f -printf '%s %P\n') | sort > "$work/there"
  sort "$list" > "$work/wanted"
  comm -12 "$work/wanted" "$work/there" | sed 's/^[0-9]* //' > "$work/same"
  tar -C "$folder" -c -f - --no-recursion -T "$work/same" | tar -x -f - -C "$work/archive" --no-same-owner
  comm -23 "$work/wanted" "$work/there" | awk -v folder="$folder" '{ printf "F %s\nP %s/%s 0 %s\n", $2, folder, $2, $1 }' \
    >> "$work/left"
done

# 4. Pieces, end to end.
touch "$work/pieces"
cat "$work/left" "$work/pieces" | while read -r kind first second third; do
  if [ "$kind" = F ]; then
    target=$work/archive/$first
    mkdir -p "${target%/*}"
    : >> "$target"
  else
    tail -c "+$((second + 1))" "$first" | head -c "$third" >> "$target"
  fi
done

# 5. Every file is there, no other, and each is what the index says.
tail -n +2 "$index" | sed 's/^{"path":"\([^"]*\)".*"sha256":"\([0-9a-f]*\)".*/\2  \1/' > "$work/sums"
[ "$(find "$work/archive" -type f | wc -l)" -eq "$(wc -l < "$work/sums")" ] || stop "there are too many or too few files"
(cd "$work/archive" && sha256sum -c --strict --quiet "$work/sums") || stop "a file is not what it was: $out was not made"
chmod -R u+rwX "$work/archive"
mv -T "$work/archive" "$out"
echo "assembled: $out"
