/** Whether the QUIC library has a build for this platform; without, TLS carries everything. */
export const isQuicAvailable = (): boolean => false;
