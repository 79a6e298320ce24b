export { commandContext, commandHeaders, commandIdOf, expectedRevisionOf, handleCommand } from '@gatehouse/service';
