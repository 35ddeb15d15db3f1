/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard variables of OpenTelemetry that no option takes: an operator who sets one is told what
 * stands in for it, instead of waiting for an effect.
 */
#ifndef DAEMON_OTEL_VARIABLES_H
#define DAEMON_OTEL_VARIABLES_H

#include "conf/conf.h"
#include "conf/report.h"

/* A warning for each that is set to something that parley does not do anyway. */
void otel_variables_check(const struct conf *c, struct conf_report *report);

#endif
