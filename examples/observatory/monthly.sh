#!/bin/sh
# One month of an observatory: scan, complete, compare with the month before, publish. See docs/observatory.md.
# A failed step ends the script with its message and exit code; the next run resumes at that step.
set -eu

folder=${1:?usage: monthly.sh FOLDER}
: "${CONTACT:?set CONTACT to an address that the colleges can write to}"
month=${MONTH:-$(date -u +%Y-%m)}
data=$folder/data
site=$folder/site
draft=$folder/draft-$month # published as a whole at the end, or not at all
steps=$draft/.done
db=$data/observatory.db
last=$(cat "$data/last-month" 2>/dev/null || true)      # the last published month
previous=$(cat "$data/last-scan" 2>/dev/null || true) # and the id of its scan

if [ "$last" = "$month" ]; then
  echo "$month is published already." >&2
  exit 0
fi
mkdir -p "$data" "$site" "$draft"
touch "$steps"

# step NAME COMMAND…: run the command, unless an earlier run has completed it this month.
step() {
  name=$1
  shift
  if ! grep -qx "$name" "$steps"; then
    "$@"
    echo "$name" >>"$steps"
  fi
}

scan() {
  if grep -qx started "$steps"; then
    cegep-audit scan --resume --db "$db" -o "$draft/report.csv" -q
  else
    echo started >>"$steps"
    # Unquoted so that the options split into words.
    # shellcheck disable=SC2086
    cegep-audit scan ${REGISTRY:+"$REGISTRY"} --db "$db" -o "$draft/report.csv" --contact "$CONTACT" -q ${SCAN_OPTIONS:-}
  fi
}

complete() {
  # shellcheck disable=SC2086
  cegep-audit complete ${COMPLETE_OPTIONS:---retry --archive} --db "$db" -o "$draft/report.csv" -q
}

# Print the id of the scan that "latest" stands for.
number() {
  cegep-audit summary --json --db "$db" | sed -n 's/^ *"id": \([0-9][0-9]*\),*$/\1/p' | head -n 1
}

publish() {
  cegep-audit report -o "$draft/index.html" --lang fr --db "$db"
  cegep-audit report -o "$draft/index-en.html" --lang en --db "$db"
  cegep-audit export -o "$draft/$month.zip" --db "$db"
  cegep-audit trend -o "$draft/trend.csv" --db "$db"
  if [ -n "$previous" ]; then
    cegep-audit compare "$previous" latest -o "$draft/changes-$month.csv" --db "$db"
    cegep-audit compare "$previous" latest -o "$draft/changes.atom" --db "$db"
  fi
}

step scan scan
step complete complete
step label cegep-audit scans label latest "$month" --db "$db"
step publish publish
step keep cp "$db" "$data/$month.db"

rm "$steps"
cp -R "$draft"/. "$site"
rm -r "$draft"
number >"$data/last-scan"
echo "$month" >"$data/last-month"
