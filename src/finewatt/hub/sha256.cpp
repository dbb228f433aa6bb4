#include "finewatt/hub/sha256.h"

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace finewatt::hub {
namespace {

constexpr std::size_t kDigestBytes = 32;

/// The functions of libcrypto that we call, as OpenSSL 1.1.0 to 3 declare them in openssl/evp.h.
/// Their structures are only handed through, so `void*` stands for them.
struct Crypto {
    explicit Crypto(DynLib library) : library_(std::move(library)) {}

    bool load() {
        const auto find = [this](auto& function, const char* name) {
            function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
            return function != nullptr;
        };
        return find(sha256, "EVP_sha256") && find(new_context, "EVP_MD_CTX_new") &&
               find(free_context, "EVP_MD_CTX_free") && find(init, "EVP_DigestInit_ex") &&
               find(update, "EVP_DigestUpdate") && find(finish, "EVP_DigestFinal_ex");
    }

    const void* (*sha256)() = nullptr;
    void* (*new_context)() = nullptr;
    void (*free_context)(void* context) = nullptr;
    int (*init)(void* context, const void* type, void* engine) = nullptr;
    int (*update)(void* context, const void* bytes, std::size_t size) = nullptr;
    int (*finish)(void* context, unsigned char* digest, unsigned* size) = nullptr;

  private:
    DynLib library_;
};

Result<std::unique_ptr<Crypto>> open_crypto() {
    std::string why;
    for (const char* name : {"libcrypto.so.3", "libcrypto.so.1.1"}) {
        Result<DynLib> opened = DynLib::open(name);
        if (!opened) {
            why += (why.empty() ? "" : "; ") + opened.error().message();
            continue;
        }
        auto crypto = std::make_unique<Crypto>(std::move(*opened));
        if (crypto->load()) {
            return crypto;
        }
        why += std::string(why.empty() ? "" : "; ") + name + " lacks its functions";
    }
    return FINEWATT_ERROR(kUnsupported,
                          "checking downloads needs libcrypto of OpenSSL ({}); install it: "
                          "apt-get install libssl3",
                          why);
}

/// The library, opened once and never closed: it has handlers that run at the end of the process.
Result<const Crypto*> crypto() {
    static const auto* const kOpened = new Result<std::unique_ptr<Crypto>>(open_crypto());
    if (!*kOpened) {
        return kOpened->error();
    }
    return kOpened->value().get();
}

/// One running checksum.
class Digest {
  public:
    explicit Digest(const Crypto& library)
        : library_(library),
          context_(library.new_context()),
          is_good_(context_ != nullptr && library.init(context_, library.sha256(), nullptr) == 1) {}

    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;

    ~Digest() { library_.free_context(context_); }

    void update(std::string_view bytes) {
        is_good_ = is_good_ && library_.update(context_, bytes.data(), bytes.size()) == 1;
    }

    Result<std::string> finish() {
        std::array<unsigned char, kDigestBytes> digest{};
        unsigned size = kDigestBytes;
        if (!is_good_ || library_.finish(context_, digest.data(), &size) != 1 ||
            size != kDigestBytes) {
            return FINEWATT_ERROR(kUnsupported,
                                  "libcrypto does not compute SHA-256 here; its configuration may "
                                  "have turned it off");
        }
        std::string text;
        for (const unsigned char byte : digest) {
            text += fmt::format("{:02x}", byte);
        }
        return text;
    }

  private:
    const Crypto& library_;
    void* context_;
    bool is_good_;
};

}  // namespace

Result<std::string> sha256_of(std::string_view text) {
    FINEWATT_ASSIGN(const Crypto* library, crypto());
    Digest digest(*library);
    digest.update(text);
    return digest.finish();
}

Result<std::string> sha256_of_file(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const Crypto* library, crypto());
    FINEWATT_ASSIGN(const ScopedFd fd, open_file(path, O_RDONLY));
    Digest digest(*library);
    constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
    std::string buffer(kPieceBytes, '\0');
    while (true) {
        const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_from_errno(errno, fmt::format("read {}", path.string()));
        }
        if (n == 0) {
            return digest.finish();
        }
        digest.update({buffer.data(), static_cast<std::size_t>(n)});
    }
}

}  // namespace finewatt::hub
