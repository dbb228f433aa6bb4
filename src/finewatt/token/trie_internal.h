// PieceTrie: word pieces, to walk byte by byte or to find the longest at the front of a text. A
// double array (J. Aoe, "An Efficient Digital Search Algorithm by Using a Double-Array Structure",
// IEEE TSE 15(9), 1989). Not a general map: Vocabulary looks up whole tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace finewatt::token {

/// Where in a word a piece may stand.
enum class PiecePlace { kWordBegin, kWordInside };

/// A piece that was found: its id and its length in bytes.
struct PieceMatch {
    std::int32_t id;
    std::size_t length;
};

/// Immutable after construction; any thread may search.
class PieceTrie {
  public:
    /// A piece without its "##"; not empty.
    struct Piece {
        std::string_view text;
        std::int32_t id;
    };

    /// Build from the pieces of each place; no text twice in a list. The texts need not outlive
    /// the call.
    PieceTrie(std::vector<Piece> word_begin, std::vector<Piece> word_inside);

    /// Return the longest piece that `text` begins with, or nothing.
    std::optional<PieceMatch> longest_match(std::string_view text, PiecePlace place) const;

    // A walk of one's own: begin at a root, follow the bytes of a word.
    static constexpr std::uint32_t kWordBeginRoot = 0;
    static constexpr std::uint32_t kWordInsideRoot = 1;
    static constexpr std::uint32_t kNoNode = 0xFFFFFFFF;
    static constexpr std::int32_t kNoPiece = -1;

    /// Return the node that `byte` leads to from a node, or kNoNode.
    std::uint32_t child(std::uint32_t node, std::uint8_t byte) const {
        const std::uint32_t child = nodes_[node].child_base + byte;
        return nodes_[child].parent == node ? child : kNoNode;
    }

    /// Return the id of the piece that ends at a node, or kNoPiece.
    std::int32_t piece_at(std::uint32_t node) const { return nodes_[node].id; }

  private:
    struct Node {
        std::uint32_t child_base = 0;  ///< the child for byte b is node child_base + b ...
        std::uint32_t parent = kFree;  ///< ... when that node's parent is this one
        std::int32_t id = kNoPiece;
    };

    static constexpr std::uint32_t kFree = 0xFFFFFFFF;
    static constexpr std::uint32_t kRootParent = 0xFFFFFFFE;
    /// Children begin here, so that any byte can be subtracted from a node to give a base. Only the
    /// two roots lie below.
    static constexpr std::uint32_t kFirstNode = 256;

    void add_children(std::uint32_t root, std::vector<Piece> pieces);
    std::uint32_t find_base(const std::vector<std::uint8_t>& bytes);

    std::vector<Node> nodes_;
    // Where searches for free nodes begin while building.
    std::uint32_t first_free_ = kFirstNode;
    std::uint32_t first_roomy_ = kFirstNode;
};

}  // namespace finewatt::token
