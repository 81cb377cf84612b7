#!/bin/sh
# Unpacks the font files of Debian 12's packages named in font-packages.txt below the folder $1.
# Nothing is installed. About 0.9 GB to fetch, 2 GB of fonts.
set -eu
list=$(cd "$(dirname "$0")" && pwd)/font-packages.txt
mkdir -p "$1" && cd "$1"
xargs apt-get download < "$list"
for package in *.deb; do
  dpkg-deb --fsys-tarfile "$package" |
    tar x --wildcards '*.ttf' '*.otf' '*.TTF' '*.OTF' '*.pfb' '*.t1' 2> /dev/null || true
  rm "$package"
done
