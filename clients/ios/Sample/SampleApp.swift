import Foundation
import InAppCalling
import SwiftUI

/// Where the sample calls: the values of `outputs.json`, which `make outputs` and `make local` write.
enum Deployment {
    static let apiURL = URL(string: "http://127.0.0.1:4566/v1")!
    /// With Cognito's pages; nil where the deployment has none, as on the laptop.
    static let signInPages: SignInPages? = nil
    // SignInPages(url: URL(string: "…ManagedLoginUrl…")!, clientID: "…UserPoolClientId…", scheme: "in-app-calling")
}

@main
struct SampleApp: App {
    @State private var token: String?

    var body: some Scene {
        WindowGroup {
            if let token {
                // An app of its own returns a fresh token here, as from Amplify's session.
                CallScreen(client: CallingClient(apiURL: Deployment.apiURL) { _ in token })
            } else {
                SignInScreen { token = $0 }
            }
        }
    }
}
