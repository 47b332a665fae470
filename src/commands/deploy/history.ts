import { historyCommand } from '../history.ts';

export default historyCommand('deploy');
