/** Whether there is time for more of what tests try: in `.ci/run`, where `npm test` on a machine of one's own is short. */
export const isThorough = process.env['CI'] !== undefined;
