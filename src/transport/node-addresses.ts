/** How Node goes through the addresses of a name that has several. */

/**
 * How long each address but the last may take, in milliseconds. After Node's own 250 a network that is slower than that
 * never gets there where the last address is of a family that it has no way to. Nor does one that loses the first packet,
 * which is sent again after a second [RFC 6298 2].
 */
export const eachAddress = { autoSelectFamilyAttemptTimeout: 2_000 } as const;
