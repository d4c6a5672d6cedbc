// SPDX-License-Identifier: Apache-2.0
//
// zlib's initialisers are macros, which Swift does not import. Window bits 31 means: gzip framing, 32 KiB window.
#ifndef CMARTLET_ZLIB_SHIM_H
#define CMARTLET_ZLIB_SHIM_H

#include <zlib.h>

static inline int martlet_zlib_gzip_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
}

static inline int martlet_zlib_gzip_inflate_init(z_stream *stream) {
    return inflateInit2(stream, 31);
}

#endif
