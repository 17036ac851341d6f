import { memoryStore } from '../../../src/store/memory';
import { describeStore } from './contract';

describeStore('memoryStore', () => {
  const store = memoryStore();
  return { open: () => store };
});
