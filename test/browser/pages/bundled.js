import { connect } from 'mqtide';
import { roundTrip } from './round-trip.js';

roundTrip(connect);
