/** Seconds a device waits between two questions (RFC 8628, 3.2), and by how much each early one raises it (3.5). */
export const pollSeconds = 5;
export const slowDownSeconds = 5;
/** No device waits longer than this, however often it was too early. */
export const maxPollSeconds = 60;
