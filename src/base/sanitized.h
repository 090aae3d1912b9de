// SPDX-License-Identifier: Apache-2.0
// RINGPOST_SANITIZED: built with a sanitizer that brings an allocator of its own.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RINGPOST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RINGPOST_SANITIZED 1
#endif
#endif
