#include "finewatt/token/trie_internal.h"

#include <algorithm>

namespace finewatt::token {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
}

}  // namespace

PieceTrie::PieceTrie(std::vector<Piece> word_begin, std::vector<Piece> word_inside) {
    nodes_.resize(kFirstNode);
    nodes_[kWordBeginRoot].parent = kRootParent;
    nodes_[kWordInsideRoot].parent = kRootParent;
    add_children(kWordBeginRoot, std::move(word_begin));
    add_children(kWordInsideRoot, std::move(word_inside));
    // A search may look at any byte of the last base without a bounds check.
    nodes_.resize(nodes_.size() + 256);
}

void PieceTrie::add_children(std::uint32_t root, std::vector<Piece> pieces) {
    std::sort(pieces.begin(), pieces.end(),
              [](const Piece& a, const Piece& b) { return a.text < b.text; });

    // The pieces [begin, end) share their first `depth` bytes, which lead to `node`.
    struct Range {
        std::uint32_t node;
        std::size_t begin;
        std::size_t end;
        std::size_t depth;
    };

    std::vector<Range> pending{{root, 0, pieces.size(), 0}};
    std::vector<std::uint8_t> bytes;
    while (!pending.empty()) {
        Range range = pending.back();
        pending.pop_back();
        if (range.begin < range.end && pieces[range.begin].text.size() == range.depth) {
            nodes_[range.node].id = pieces[range.begin].id;
            ++range.begin;
        }
        if (range.begin == range.end) {
            continue;
        }
        bytes.clear();
        for (std::size_t i = range.begin; i < range.end; ++i) {
            const std::uint8_t byte = byte_at(pieces[i].text, range.depth);
            if (bytes.empty() || bytes.back() != byte) {
                bytes.push_back(byte);
            }
        }
        const std::uint32_t base = find_base(bytes);
        nodes_[range.node].child_base = base;
        for (const std::uint8_t byte : bytes) {
            nodes_[base + byte].parent = range.node;
        }
        std::size_t begin = range.begin;
        for (const std::uint8_t byte : bytes) {
            std::size_t end = begin;
            while (end < range.end && byte_at(pieces[end].text, range.depth) == byte) {
                ++end;
            }
            pending.push_back({base + byte, begin, end, range.depth + 1});
            begin = end;
        }
    }
}

std::uint32_t PieceTrie::find_base(const std::vector<std::uint8_t>& bytes) {
    const auto is_free = [&](std::size_t at) {
        return at >= nodes_.size() || nodes_[at].parent == kFree;
    };
    while (!is_free(first_free_)) {
        ++first_free_;
    }
    // One child fits into any hole. Several children look only behind the place where holes have
    // become too small for them; else building takes quadratic time.
    std::uint32_t& search_begin = bytes.size() == 1 ? first_free_ : first_roomy_;
    const std::uint32_t front = bytes.front();
    std::uint32_t base = search_begin - front;
    const std::uint32_t first_tried = base;
    while (!std::all_of(bytes.begin(), bytes.end(),
                        [&](std::uint8_t byte) { return is_free(std::size_t{base} + byte); })) {
        ++base;
    }
    constexpr std::uint32_t kTooManyTries = 64;
    if (bytes.size() > 1 && base - first_tried > kTooManyTries) {
        first_roomy_ = base + front;
    }
    nodes_.resize(std::max(nodes_.size(), std::size_t{base} + bytes.back() + 1));
    return base;
}

std::optional<PieceMatch> PieceTrie::longest_match(std::string_view text, PiecePlace place) const {
    std::uint32_t node = place == PiecePlace::kWordBegin ? kWordBeginRoot : kWordInsideRoot;
    PieceMatch best{kNoPiece, 0};
    for (std::size_t i = 0; i < text.size(); ++i) {
        node = child(node, byte_at(text, i));
        if (node == kNoNode) {
            break;
        }
        if (piece_at(node) != kNoPiece) {
            best = {piece_at(node), i + 1};
        }
    }
    if (best.length == 0) {
        return std::nullopt;
    }
    return best;
}

}  // namespace finewatt::token
