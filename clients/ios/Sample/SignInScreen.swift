import SwiftUI

/// Cognito's pages where there are some; otherwise a token, such as the one that `make local` prints.
struct SignInScreen: View {
    let signedIn: @MainActor (String) -> Void
    @State private var token = ""
    @State private var failed = false

    var body: some View {
        VStack(spacing: 16) {
            if let pages = Deployment.signInPages {
                Button("Sign in") {
                    Task {
                        do {
                            signedIn(try await pages.signIn())
                        } catch {
                            failed = true
                        }
                    }
                }
                .buttonStyle(.borderedProminent)
                if failed { Text("That did not work. Try again.") }
            } else {
                SecureField("Token of a user", text: $token)
                    .accessibilityLabel("Token of a user")
                Button("Continue") { signedIn(token) }
                    .buttonStyle(.borderedProminent)
                    .disabled(token.isEmpty)
            }
        }
        .padding()
    }
}
