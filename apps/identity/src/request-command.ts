export { commandContext, commandHeaders, commandIdOf, expectedRevisionOf } from '@gatehouse/service';
