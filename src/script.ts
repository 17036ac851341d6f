/** What `<script src="mqtide.min.js">` puts into the global `mqtide`: every entry that runs in a page. */

export * from './auth/index';
export * from './clock/index';
export * from './codec/index';
export * from './credentials/index';
export * from './index';
export * from './shared/index';
export * from './store/indexeddb';
