// swift-tools-version: 6.0
// Type-checks on Linux what needs Apple's frameworks and the Chime SDK: interfaces of the same names, with what is used
// and no more. A package of its own, so that the core cannot import them. Nothing here is shipped, and nothing runs.
import PackageDescription

// The real ones are from before Swift 6.
func stub(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(name)", swiftSettings: [.swiftLanguageMode(.v5)])
}

let core = Target.Dependency.product(name: "InAppCalling", package: "InAppCalling")

let package = Package(
    name: "Stubs",
    platforms: [.iOS(.v16), .macOS(.v13)],
    dependencies: [.package(name: "InAppCalling", path: "../../..")],
    targets: [
        stub("AVFoundation"), stub("AmazonChimeSDK"), stub("CallKit", ["AVFoundation"]),
        stub("Accessibility"), stub("AuthenticationServices"), stub("CryptoKit"), stub("SwiftUI"),
        .target(
            name: "InAppCallingChime", dependencies: [core, "AVFoundation", "AmazonChimeSDK"],
            path: "Sources/InAppCallingChime"),
        .target(
            name: "InAppCallingSystem", dependencies: [core, "AVFoundation", "CallKit"],
            path: "Sources/InAppCallingSystem"),
        .target(
            name: "Sample",
            dependencies: [
                core, "InAppCallingChime", "InAppCallingSystem", "Accessibility", "AuthenticationServices", "CryptoKit",
                "SwiftUI",
            ],
            path: "Sources/Sample", exclude: ["Info.plist"]),
    ]
)
