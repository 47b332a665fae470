import { resumeCommand } from '../../recovery/commands.ts';

export default resumeCommand('deploy');
