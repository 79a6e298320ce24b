export { recordableText as recordablePath, recordedForms as recordedPaths } from '@gatehouse/telemetry';
