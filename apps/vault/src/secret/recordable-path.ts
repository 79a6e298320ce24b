export { recordableText as recordablePath } from '@gatehouse/telemetry';
