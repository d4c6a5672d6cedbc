// SPDX-License-Identifier: Apache-2.0
//
// libxcrypt's re-entrant password hashing. `struct crypt_data` holds arrays that Swift does not import, so its size
// comes as a number.
#ifndef CMARTLET_CRYPT_SHIM_H
#define CMARTLET_CRYPT_SHIM_H

#include <crypt.h>

enum { martlet_crypt_data_size = sizeof(struct crypt_data) };

#endif
