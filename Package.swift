// swift-tools-version: 6.0
// At the root of the repository, because Xcode takes a package from a URL only there. The sources are in clients/ios.
import PackageDescription

let sources = "clients/ios/Sources/"
let tests = "clients/ios/Tests/"

let package = Package(
    name: "InAppCalling",
    defaultLocalization: "en",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "InAppCalling", targets: ["InAppCalling"]),
        .library(name: "InAppCallingFakes", targets: ["InAppCallingFakes"]),
    ],
    targets: [
        .target(
            name: "InAppCalling",
            path: sources + "InAppCalling",
            resources: [.process("PrivacyInfo.xcprivacy")]
        ),
        .target(
            name: "InAppCallingFakes", dependencies: ["InAppCalling"], path: sources + "InAppCallingFakes"),
        .testTarget(
            name: "InAppCallingTests",
            dependencies: ["InAppCalling", "InAppCallingFakes"],
            path: tests + "InAppCallingTests",
            resources: [.copy("Fixtures")]
        ),
    ]
)

// A condition on the platform would not do: Linux would download the binaries all the same. The manifest runs on the
// machine that builds, and iOS is built on Macs.
#if canImport(Darwin)
    package.dependencies = [
        .package(
            url: "https://github.com/aws/amazon-chime-sdk-ios-no-video-codecs-spm", from: "0.27.3")
    ]
    package.products += [
        .library(name: "InAppCallingChime", targets: ["InAppCallingChime"]),
        .library(name: "InAppCallingSystem", targets: ["InAppCallingSystem"]),
    ]
    package.targets += [
        .target(
            name: "InAppCallingChime",
            dependencies: [
                "InAppCalling",
                .product(
                    name: "AmazonChimeSDK", package: "amazon-chime-sdk-ios-no-video-codecs-spm",
                    condition: .when(platforms: [.iOS])),
            ],
            path: sources + "InAppCallingChime"),
        .target(
            name: "InAppCallingSystem", dependencies: ["InAppCalling"], path: sources + "InAppCallingSystem"),
    ]
#endif
