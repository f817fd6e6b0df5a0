import InAppCalling
import InAppCallingChime
import InAppCallingSystem
import SwiftUI

struct CallButton: View {
    let client: CallingClient
    @State private var session: CallSession?
    @State private var state = CallState.idle

    var body: some View {
        Button(state.isActive ? "Hang up" : "Call us") {
            if state.isActive { Task { await session?.hangUp() } } else { call() }
        }
    }

    private func call() {
        let session = CallSession(client: client, media: ChimeMedia.shared, system: CallKitCall.shared)
        self.session = session
        Task {
            await session.start()
            for await state in await session.states() { self.state = state }
        }
    }
}
