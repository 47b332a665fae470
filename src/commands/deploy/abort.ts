import { abortCommand } from '../../recovery/commands.ts';

export default abortCommand('deploy');
