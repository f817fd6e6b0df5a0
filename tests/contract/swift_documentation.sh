# Converts the comments of the core by DocC, each warning an error: swift_documentation.sh <scratch path of the package>
set -eu
built=$1
out=build/swift-documentation
# It fails for the test target, which has no documentation, after it has written the graphs of the others.
swift package --scratch-path "$built" dump-symbol-graph --minimum-access-level public >/dev/null 2>&1 || true
rm -rf "$out"
mkdir -p "$out/graphs"
cp "$(find "$built" -name InAppCalling.symbols.json -path '*/symbolgraph/*')" "$out/graphs"
docc=$(command -v docc || echo /usr/libexec/swift/bin/docc)
"$docc" convert clients/ios/Sources/InAppCalling/InAppCalling.docc \
    --fallback-display-name InAppCalling --fallback-bundle-identifier InAppCalling \
    --additional-symbol-graph-dir "$out/graphs" --output-dir "$out/docc" --warnings-as-errors
