// SPDX-License-Identifier: Apache-2.0
#ifndef CMARTLET_LMDB_SHIM_H
#define CMARTLET_LMDB_SHIM_H

#include <lmdb.h>

#endif
