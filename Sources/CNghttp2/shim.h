// SPDX-License-Identifier: Apache-2.0
//
// What Swift needs of libnghttp2 beyond its header.
//
// Two options exist only in newer or patched builds of the library (Debian carries them in 1.52). They are declared
// weak here, so that the same binary starts where they are absent, and the wrappers say whether they took effect.
#ifndef CMARTLET_NGHTTP2_SHIM_H
#define CMARTLET_NGHTTP2_SHIM_H

#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <nghttp2/nghttp2.h>

#if !defined(__APPLE__)
extern __attribute__((weak)) void nghttp2_option_set_stream_reset_rate_limit(
    nghttp2_option *option, uint64_t burst, uint64_t rate);
extern __attribute__((weak)) void nghttp2_option_set_max_continuations(
    nghttp2_option *option, size_t val);
#endif

/// Sets the limit of incoming stream resets: `burst` at once, then `rate` a second. Returns 0 where unsupported.
static inline int martlet_nghttp2_limit_resets(nghttp2_option *option, uint64_t burst, uint64_t rate) {
    if (&nghttp2_option_set_stream_reset_rate_limit == 0) { return 0; }
    nghttp2_option_set_stream_reset_rate_limit(option, burst, rate);
    return 1;
}

/// Sets how many CONTINUATION frames one header block may have. Returns 0 where unsupported.
static inline int martlet_nghttp2_limit_continuations(nghttp2_option *option, size_t count) {
    if (&nghttp2_option_set_max_continuations == 0) { return 0; }
    nghttp2_option_set_max_continuations(option, count);
    return 1;
}

/// The union members of nghttp2_frame that Swift cannot name as a plain struct field.
static inline const nghttp2_frame_hd *martlet_nghttp2_frame_header(const nghttp2_frame *frame) {
    return &frame->hd;
}

#endif
