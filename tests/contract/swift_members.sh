# Type-checks an adapter against each changed stub: swift_members.sh <folder with `checks`> <scratch path of the stubs>
set -eu
folder=$1 modules=$2/debug/Modules
checked=0
flags="-swift-version 6 -warnings-as-errors -parse-as-library"
while read -r name module adapter; do
    checked=$((checked + 1))
    here=$folder/$name
    if swiftc -swift-version 5 -parse-as-library -I "$modules" -emit-module -module-name "$module" \
        -o "$here/$module.swiftmodule" "$here/$module.swift" 2>/dev/null &&
        swiftc $flags -I "$here" -I "$modules" -typecheck -module-name "$adapter" \
            clients/ios/Sources/"$adapter"/*.swift 2>/dev/null; then
        echo "builds without $name"
    fi
done <"$folder/checks"
echo "checked $checked"
