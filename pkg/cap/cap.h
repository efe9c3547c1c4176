/* SPDX-License-Identifier: Apache-2.0 */
/* cap: what a process may take up of what the system reserves (capabilities(7)). */
#ifndef LB_CAP_H
#define LB_CAP_H

#include <linux/capability.h>
#include <stdbool.h>

/* Takes up CAP_NET_RAW, say, where the process may have it but does not: a program file can carry it
 * as permitted only, so that the program starts where the capability is out of reach as well.  False
 * when it can't be had. */
bool cap_raise(int capability);

#endif
