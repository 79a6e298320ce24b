import './alert-problems.js';
import type { Area, AreaContext } from '../area.js';
import { Alerts1700000000071 } from './alert.migration.js';
import { AlertListController } from './alert-list/alert-list.controller.js';
import { alertListProjection } from './alert-list/alert-list.projection.js';
import { Alerts } from './alert-list/alerts.service.js';
import { AlertLoop } from './alert-loop.service.js';
import { ChannelController, ChannelOptions } from './channel/channel.controller.js';
import { Channels } from './channel/channels.service.js';
import { Deliver } from './delivery/deliver.service.js';
import { DeliveryListController } from './delivery/delivery-list.controller.js';
import { AlertObserver } from './detect/alert-observer.service.js';
import { Countries } from './detect/countries.service.js';
import { alertPersonalData } from './personal-data.service.js';
import { AlertSettingsController } from './settings/alert-settings.controller.js';
import { alertSettingsProjection } from './settings/alert-settings.projection.js';

export const alertArea: Area = {
  migrations: [Alerts1700000000071],
  inline: () => [alertListProjection, alertSettingsProjection],
  compose: (context) => {
    const { platform, store, subjectKeys, settings, observations } = context;
    const { request, system } = platform.database;
    const countries = new Countries(settings.GEOIP_DATABASE);
    const loop = new AlertLoop(platform, store, deliverOf(context));
    observations.add(observerOf(context, countries).take);
    return {
      controllers: [AlertSettingsController, ChannelController, DeliveryListController, AlertListController],
      providers: [
        { provide: Alerts, useValue: new Alerts(request, subjectKeys) },
        { provide: Channels, useValue: new Channels(store, request, subjectKeys) },
        { provide: ChannelOptions, useValue: { targets: settings.WEBHOOK_TARGETS } satisfies ChannelOptions },
      ],
      personalData: alertPersonalData(system),
      start: async () => {
        await countries.load();
        loop.start();
      },
      stop: () => loop.stop(),
    };
  },
};

const observerOf = ({ platform, store, subjectKeys, pepper, settings }: AreaContext, countries: Countries) =>
  new AlertObserver({
    store,
    system: platform.database.system,
    subjectKeys,
    pepper,
    operatorTenant: settings.OPERATOR_TENANT,
    countryOf: countries.of,
    onDropped: platform.warn('a report could not be counted and was dropped'),
  });

const deliverOf = ({ platform, subjectKeys, people, memberships, mailbox, settings }: AreaContext) =>
  new Deliver({
    system: platform.database.system,
    subjectKeys,
    people,
    memberships,
    mailbox,
    targets: settings.WEBHOOK_TARGETS,
    firstRetryMs: settings.WEBHOOK_RETRY_MS,
  });
