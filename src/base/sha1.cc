// SPDX-License-Identifier: Apache-2.0
// The one place that includes libcrypto for SHA-1.
#include "base/sha1.h"

#include <openssl/evp.h>

namespace ringpost {

Sha1::Sha1() : algorithm_(EVP_MD_fetch(nullptr, "SHA1", nullptr)) {
    if (algorithm_ == nullptr) return;
    context_ = EVP_MD_CTX_new();
    Digest unused;
    if (context_ == nullptr || digest({}, unused)) return;
    EVP_MD_CTX_free(context_);
    context_ = nullptr;
}

Sha1::~Sha1() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
}

bool Sha1::digest(ByteSpan bytes, Digest& out) {
    if (context_ == nullptr) return false;
    // The algorithm was fetched once: naming it here would search the providers for each key.
    return EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
           EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1 &&
           EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1;
}

}  // namespace ringpost
