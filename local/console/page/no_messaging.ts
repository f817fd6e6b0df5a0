/** In place of the client that the Chime SDK brings along for chats: vite.config.ts. */

export class ChimeSDKMessagingClient {}
export class GetMessagingSessionEndpointCommand {}
