#!/bin/sh
# Trains the 24 runs of this folder, two side by side: sh make.sh OUT
out=${1:?where to?}
for peak in 0.0015 0.003 0.006 0.012; do
    echo "constant_$peak constant:steps=4800,peak=$peak,warmup=300"
    echo "wsd-long_$peak wsdld:steps=4800,peak=$peak,warmup=300,decay=960"
    echo "wsd_$peak wsdld:steps=3000,peak=$peak,warmup=300,decay=600"
    echo "cosine_$peak cosine:steps=3000,peak=$peak,warmup=300,final=10%"
    echo "cosine-zero_$peak cosine:steps=3000,peak=$peak,warmup=300,final=0"
    echo "linear_$peak linear:steps=3000,peak=$peak,warmup=300,final=0"
done | xargs -P 2 -L 1 sh -c '
    mplfit lab train --schedule "$2" --batch 8 --every 50 --eval-sequences 256 --loss eval \
        --quiet --out "$0/$1.csv" >&2' "$out"
