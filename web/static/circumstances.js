// Who else decides, and until when: the policy in plain words, the deadline as a time and as time left.

import { show } from "./deception.js";
import { element } from "./service.js";
import { standsInFor } from "./terms.js";

/** @typedef {import("./terms.js").Matter} Matter */

/** @param {Matter} matter @param {any} view */
export function showCircumstances(matter, view) {
  const names = new Map(view.people.map((/** @type {any} */ person) => [person.id, person.name]));
  /** @param {string[]} ids */
  const list = (ids) => ids.map((id) => (id === view.you.id ? "you" : names.get(id) ?? id)).join(", ");
  const { policy, terms } = matter;
  const lines = [who(policy, list)];
  for (const stage of policy.fallback) lines.push(`After ${duration(stage.after)} also ${list(stage.approvers)}.`);
  if (policy.veto) lines.push("A single rejection ends it.");
  for (const seat of standsInFor(policy, view.you.id)) lines.push(`You stand in for ${list([seat])}.`);
  lines.push(votes(view, names));
  if (terms.execution) lines.push(`It may run only as ${terms.execution}.`);
  const shown = element("policy");
  shown.replaceChildren(...lines.map(() => document.createElement("li")));
  lines.forEach((line, index) => show(/** @type {Element} */ (shown.children[index]), line));
  element("you").textContent = view.you.name;
  showTime(terms.deadline ?? "");
  const moment = new Date(terms.valid_until ?? "");
  element("validity").textContent = `An approval can be used until ${clock(moment)}.`;
}

/** Show the deadline and return the milliseconds left. @param {string} deadline */
export function showTime(deadline) {
  const moment = new Date(deadline);
  const left = moment.getTime() - Date.now();
  element("time-left").textContent = left > 0 ? `${duration(left / 1000)} left` : "the time is over";
  element("deadline").textContent = `until ${clock(moment)}`;
  return left;
}

/** @param {import("./terms.js").Policy} policy @param {(ids: string[]) => string} list */
function who(policy, list) {
  const people = policy.approvers.filter((id) => !policy.exclude.includes(id));
  if (people.length === 1 && !policy.fallback.length) return `${list(people) === "you" ? "You alone" : list(people)} must approve.`;
  return people.length === policy.threshold
    ? `All of these must approve: ${list(people)}.`
    : `${policy.threshold} of these must approve: ${list(people)}.`;
}

/** @param {any} view @param {Map<string, string>} names */
function votes(view, names) {
  if (!view.votes.length) return "Nobody has voted yet; you are the first.";
  const cast = view.votes.map((/** @type {any} */ vote) => `${names.get(vote.approver) ?? vote.approver}: ${vote.decision}`);
  return `So far, says the service: ${cast.join(", ")}.`;
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

/** @param {Date} moment */
const clock = (moment) => moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
