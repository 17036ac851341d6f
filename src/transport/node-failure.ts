/** What the errors of Node's sockets, names and certificates mean, and what to do about them. Deno and Bun use the same codes. */

const authority =
  'its certificate is not signed by an authority that is trusted here; give that authority as tls.ca';
const handshakeFailure =
  'it refused the TLS handshake: it may want a client certificate (tls.cert and tls.key), or ciphers that are not used here';
const noCertificate = 'it wants a client certificate; give tls.cert and tls.key';
const clientCertificate =
  'it does not accept the client certificate: check tls.cert, tls.key and who signed them';
const noRoute = 'there is no way to it; check the network and the firewalls';
const noTls =
  'it does not speak TLS on this port; use the port of its TLS listener, or mqtt: or ws: if it has none';

/** Explanations by `error.code`. */
const explanations = new Map([
  ['ENOTFOUND', 'the host name is not known; check its spelling and the name server'],
  ['EAI_AGAIN', 'the host name could not be looked up for now; check the network'],
  ['ECONNREFUSED', 'nothing listens there; check the port, and that the server is up'],
  ['ECONNRESET', 'it broke the connection off'],
  ['EPIPE', 'it broke the connection off'],
  ['ETIMEDOUT', 'it does not answer; check host and port, the network and the firewalls'],
  ['EHOSTUNREACH', noRoute],
  ['ENETUNREACH', noRoute],
  ['EHOSTDOWN', noRoute],
  ['EPROTO', noTls],
  ['ERR_SSL_WRONG_VERSION_NUMBER', noTls],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', noTls],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', authority],
  ['SELF_SIGNED_CERT_IN_CHAIN', authority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', authority],
  ['UNABLE_TO_GET_ISSUER_CERT', authority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', authority],
  ['CERT_SIGNATURE_FAILURE', authority],
  ['CERT_HAS_EXPIRED', 'its certificate has expired; renew it, or correct the clock here'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet; correct the clock here or there'],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'its certificate is for another host; use the name in it, or set tls.servername to that',
  ],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', noCertificate],
  // So called in Bun.
  ['ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED', noCertificate],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', handshakeFailure],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'it does not speak the versions of TLS that are used here'],
  ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'it speaks none of tls.alpnProtocols'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', clientCertificate],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', clientCertificate],
]);

/** `error.code`, or `''`. */
export function failureCode(error: unknown): string {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return '';
  // A failed write names what OpenSSL had read in its message alone; this is how Node makes a code of it elsewhere.
  const reason = error.code === 'EPROTO' && /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1];
  return reason ? `ERR_SSL_${reason.replace(/\W+/g, '_').toUpperCase()}` : error.code;
}

/** Says what an error means, for the end of a message. */
export function explainFailure(error: unknown): string {
  const code = failureCode(error);
  const status =
    error instanceof Error ? /^Unexpected server response: (\d+)$/.exec(error.message)?.[1] : undefined;
  if (status !== undefined) {
    return `it answered the WebSocket handshake with HTTP status ${status}; check path, credentials and that it serves WebSocket there`;
  }
  const explanation = explanations.get(code);
  if (explanation !== undefined) return `${explanation} (${code})`;
  return error instanceof Error && error.message !== '' ? error.message : 'it broke the connection off';
}
