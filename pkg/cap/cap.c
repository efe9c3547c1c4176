/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/cap/cap.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

bool cap_raise(int capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	uint32_t bit = CAP_TO_MASK(capability);
	int i = CAP_TO_INDEX(capability);

	if (syscall(SYS_capget, &head, caps) < 0 || !(caps[i].permitted & bit))
		return false;
	caps[i].effective |= bit;
	return syscall(SYS_capset, &head, caps) == 0;
}
