/**
 * The contract of an authentication method with the client, stated structurally: any object of this shape serves as
 * `ClientOptions.authenticate`.
 */

/** Authentication data to send: bytes, nothing, or a promise of either. */
export type AuthData = Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * A method of enhanced authentication [v5 4.12]. One object serves one client, for all its exchanges: the client
 * calls `start` before each CONNECT and each re-authentication, then `challenge` for each AUTH with reason code 0x18,
 * then `success` once, also when the server sent no data. What these throw or reject with fails the connection.
 */
export interface EnhancedAuth {
  /** Name of the method, the Authentication Method of CONNECT and AUTH [v5 3.1.2.11.9]. */
  readonly method: string;
  /** Begins an exchange and forgets any earlier one; its result is the Authentication Data of CONNECT or of AUTH 0x19. */
  start(): AuthData;
  /** Answers Authentication Data of the server, AUTH with reason code 0x18 [v5 4.12]. */
  challenge(data?: Uint8Array): AuthData;
  /** Takes the data that came with success: CONNACK, or AUTH with reason code 0x00. Throws to refuse the server. */
  success?(data?: Uint8Array): void;
}
