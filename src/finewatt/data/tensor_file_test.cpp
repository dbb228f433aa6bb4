#include "finewatt/data/tensor_file.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

/// Return the bytes of a file: length prefix, header, and `buffer`.
std::string file_bytes(const std::string& header, const std::string& buffer) {
    const std::uint64_t size = header.size();
    std::string bytes(sizeof(size), '\0');
    std::memcpy(bytes.data(), &size, sizeof(size));
    return bytes + header + buffer;
}

Result<TensorFile> open_bytes(const testing::TempTree& tree, const std::string& bytes) {
    return TensorFile::open(tree.write("model.safetensors", bytes));
}

/// Return the bytes of one value as it lies in a file.
template <class T>
std::string raw(T value) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
}

/// Write one tensor of `type` with 4 elements and read it as float32.
Result<std::vector<float>> read_four(const std::string& type, const std::string& buffer) {
    testing::TempTree tree;
    const std::string header = fmt::format(
        R"({{"x":{{"dtype":"{}","shape":[2,2],"data_offsets":[0,{}]}}}})", type, buffer.size());
    FINEWATT_ASSIGN(const TensorFile file, open_bytes(tree, file_bytes(header, buffer)));
    return file.read_float32("x", {2, 2});
}

struct BadFile {
    const char* what;
    std::string bytes;
    const char* text;
};

void expect_corrupt(const std::vector<BadFile>& rows) {
    testing::TempTree tree;
    for (const BadFile& row : rows) {
        SCOPED_TRACE(row.what);
        const Result<TensorFile> file = open_bytes(tree, row.bytes);
        EXPECT_TRUE(testing::has_error(file, ErrorCode::kCorrupt, row.text));
        EXPECT_TRUE(testing::has_error(file, ErrorCode::kCorrupt, "model.safetensors"));
    }
}

TEST(TensorFileOpen, BrokenFramesAreCorrupt) {
    const std::string one = file_bytes(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                       std::string(8, '\0'));
    expect_corrupt({
        {"empty", "", "at least 8 bytes, found 0"},
        {"seven bytes", "1234567", "at least 8 bytes, found 7"},
        {"header beyond the file", one.substr(0, 20), "the file is cut off"},
        {"header of 2^64 - 1 bytes", raw(~std::uint64_t{0}) + "{}", "at most 100000000 bytes"},
        {"header over 100 MB", raw(std::uint64_t{100'000'001}) + "{}", "found 100000001"},
        {"no header", raw(std::uint64_t{0}), "begins with '{'"},
        {"cut-off buffer", one.substr(0, one.size() - 1), "begin <= end <= 7"},
        {"bytes behind the last tensor", one + "x", "1 bytes after the last one"},
        {"buffer without tensors", file_bytes("{}", "abc"), "3 bytes after the last one"},
    });
}

TEST(TensorFileOpen, BrokenHeadersAreCorrupt) {
    const auto header = [](const char* text) { return file_bytes(text, std::string(8, '\0')); };
    expect_corrupt({
        {"no JSON", header("{\"x\":"), "expected JSON"},
        {"not UTF-8", header("{\"\xFF\":1}"), "expected JSON"},
        {"leading space", header(" {}"), "begins with '{'"},
        {"array", header("[1]"), "begins with '{'"},
        {"deep nesting", header(("{\"x\":" + std::string(100000, '[')).c_str()), "expected JSON"},
        {"name twice",
         header(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                R"("x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
         "found 'x' twice"},
        {"metadata not an object", header(R"({"__metadata__":3})"), "__metadata__"},
        {"metadata not strings", header(R"({"__metadata__":{"a":1}})"), "'a': expected a string"},
        {"tensor not an object", header(R"({"x":7})"), "tensor 'x': expected an object"},
        {"no dtype", header(R"({"x":{"shape":[2],"data_offsets":[0,8]}})"), "'dtype'"},
        {"dtype not a string", header(R"({"x":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})"),
         "'dtype': expected a string, found number"},
        {"no shape", header(R"({"x":{"dtype":"F32","data_offsets":[0,8]}})"), "'shape'"},
        {"shape not a list", header(R"({"x":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})"),
         "'shape': expected a list"},
        {"negative size", header(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"),
         "found -2"},
        {"fraction", header(R"({"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})"),
         "found 2.0"},
        {"no offsets", header(R"({"x":{"dtype":"F32","shape":[2]}})"), "'data_offsets'"},
        {"one offset", header(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}})"),
         "expected begin and end, found 1"},
        {"offset of 2^64 - 1",
         header(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})"),
         "from 0 to 2^63 - 1"},
    });
}

TEST(TensorFileOpen, ShapesAndOffsetsThatDoNotFitAreCorrupt) {
    const auto header = [](const char* text) { return file_bytes(text, std::string(8, '\0')); };
    expect_corrupt({
        {"swapped", header(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"),
         "found [8, 0]"},
        {"past the end", header(R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})"),
         "begin <= end <= 8"},
        {"too few bytes", header(R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})"),
         "expected 12 bytes for its shape and type F32, found 8"},
        {"elements overflow",
         header(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})"),
         "does not fit"},
        {"elements overflow before a zero",
         header(R"({"x":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}})"),
         "does not fit"},
        {"bytes overflow",
         header(R"({"x":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8]}})"),
         "does not fit"},
        {"overlap",
         header(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                R"("y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
         "tensor 'y': expected to begin at byte 8, where the one before it ends, found 4"},
        {"gap",
         header(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                R"("y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})"),
         "a gap"},
        {"gap in front", header(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
         "a gap"},
    });
}

TEST(TensorFileOpen, MissingFileAndFolderAreErrors) {
    testing::TempTree tree;
    EXPECT_ERROR(kNotFound, TensorFile::open(tree.path() / "none"), "none");
    EXPECT_ERROR(kInvalidArgument, TensorFile::open(tree.path()), "expected a file");
}

TEST(TensorFileOpen, NoTensorsAndEmptyTensorsAreFine) {
    testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const TensorFile none, open_bytes(tree, file_bytes("{}", "")));
    EXPECT_TRUE(none.tensors().empty());
    ASSERT_OK_AND_ASSIGN(
        const TensorFile empty,
        open_bytes(
            tree,
            file_bytes(R"({"x":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}   )", "")));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values, empty.read_float32("x", {0, 3}));
    EXPECT_TRUE(values.empty());
}

TEST(TensorFileOpen, ScalarHasOneElement) {
    testing::TempTree tree;
    const std::string header = R"({"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";
    ASSERT_OK_AND_ASSIGN(const TensorFile file, open_bytes(tree, file_bytes(header, raw(2.5F))));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values, file.read_float32("x", {}));
    EXPECT_THAT(values, ElementsAre(2.5F));
}

TEST(TensorFileOpen, UnalignedBufferIsReadRight) {
    testing::TempTree tree;
    // The header has an odd length, so the values lie at odd addresses.
    const std::string header = R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )";
    ASSERT_EQ(header.size() % 2, 1U);
    ASSERT_OK_AND_ASSIGN(const TensorFile file, open_bytes(tree, file_bytes(header, raw(-1.5F))));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values, file.read_float32("x", {1}));
    EXPECT_THAT(values, ElementsAre(-1.5F));
}

TEST(TensorFileRead, UnknownTypeIsKeptByNameAndRefused) {
    testing::TempTree tree;
    const std::string header = R"({"x":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})";
    ASSERT_OK_AND_ASSIGN(const TensorFile file, open_bytes(tree, file_bytes(header, "ab")));
    const TensorView& tensor = file.tensors().at("x");
    EXPECT_EQ(tensor.type, TensorType::kOther);
    EXPECT_EQ(tensor.type_name, "F4");
    EXPECT_EQ(tensor.bytes.size(), 2U);
    EXPECT_ERROR(kInvalidArgument, file.read_float32("x", {4}), "found F4");
}

TEST(TensorFileRead, HugeShapeOfAnUnknownTypeIsRefusedWithoutMemoryForIt) {
    testing::TempTree tree;
    const std::int64_t huge = std::int64_t{1} << 60;
    const std::string header =
        fmt::format(R"({{"x":{{"dtype":"F4","shape":[{}],"data_offsets":[0,2]}}}})", huge);
    ASSERT_OK_AND_ASSIGN(const TensorFile file, open_bytes(tree, file_bytes(header, "ab")));
    EXPECT_ERROR(kInvalidArgument, file.read_float32("x", {huge}), "found F4");
}

TEST(TensorFileRead, IntegersAreRefused) {
    EXPECT_ERROR(kInvalidArgument, read_four("I64", std::string(32, '\0')), "found I64");
    EXPECT_ERROR(kInvalidArgument, read_four("BOOL", std::string(4, '\0')), "found BOOL");
}

TEST(TensorFileRead, WrongNameAndShapeAreErrors) {
    testing::TempTree tree;
    const std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
    ASSERT_OK_AND_ASSIGN(const TensorFile file,
                         open_bytes(tree, file_bytes(header, std::string(8, '\0'))));
    EXPECT_ERROR(kNotFound, file.read_float32("y", {2}), "tensor 'y' is not there");
    EXPECT_ERROR(kInvalidArgument, file.read_float32("x", {1, 2}),
                 "expected shape [1, 2], found [2]");
}

TEST(TensorFileRead, HalfValuesAreExact) {
    // 0x7BFF largest, 0x0001 smallest subnormal, 0x03FF largest subnormal, 0x8400 -smallest normal
    ASSERT_OK_AND_ASSIGN(
        const std::vector<float> some,
        read_four("F16", raw<std::uint16_t>(0x7BFF) + raw<std::uint16_t>(0x0001) +
                             raw<std::uint16_t>(0x03FF) + raw<std::uint16_t>(0x8400)));
    EXPECT_THAT(some, ElementsAre(65504.0F, 0x1p-24F, 0x3FFp-24F, -0x1p-14F));
    ASSERT_OK_AND_ASSIGN(
        const std::vector<float> special,
        read_four("F16", raw<std::uint16_t>(0x7C00) + raw<std::uint16_t>(0xFC00) +
                             raw<std::uint16_t>(0x8000) + raw<std::uint16_t>(0x7E01)));
    EXPECT_EQ(special[0], std::numeric_limits<float>::infinity());
    EXPECT_EQ(special[1], -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(special[2] == 0.0F && std::signbit(special[2]));
    EXPECT_TRUE(std::isnan(special[3]));
}

TEST(TensorFileRead, EveryFiniteHalfEqualsItsDefinition) {
    for (std::uint32_t bits = 0; bits < 0x7C00U; bits += 4) {
        std::string buffer;
        std::vector<float> want;
        for (std::uint32_t i = bits; i < bits + 4; ++i) {
            buffer += raw(static_cast<std::uint16_t>(i));
            // IEEE 754: 2^(e - 15) x 1.m, and 2^-14 x 0.m for e = 0.
            const int exponent = static_cast<int>(i >> 10U);
            const double mantissa = static_cast<double>(i & 0x3FFU) / 1024.0;
            want.push_back(static_cast<float>(exponent == 0
                                                  ? std::ldexp(mantissa, -14)
                                                  : std::ldexp(1.0 + mantissa, exponent - 15)));
        }
        ASSERT_OK_AND_ASSIGN(const std::vector<float> got, read_four("F16", buffer));
        ASSERT_EQ(got, want) << "from bits " << bits;
        bits += 252;  // 4 of every 256 keep the test short; all exponents are met
    }
}

TEST(TensorFileRead, BfloatValuesAreExact) {
    ASSERT_OK_AND_ASSIGN(
        const std::vector<float> values,
        read_four("BF16", raw<std::uint16_t>(0x3F80) + raw<std::uint16_t>(0xC049) +
                              raw<std::uint16_t>(0x0001) + raw<std::uint16_t>(0x7F80)));
    EXPECT_THAT(values,
                ElementsAre(1.0F, -3.140625F, 0x1p-133F, std::numeric_limits<float>::infinity()));
}

TEST(TensorFileRead, DoublesAreRounded) {
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values,
                         read_four("F64", raw(0.1) + raw(-0x1p-149) + raw(0x1p-160) + raw(1e300)));
    EXPECT_THAT(values,
                ElementsAre(0.1F, -0x1p-149F, 0.0F, std::numeric_limits<float>::infinity()));
}

TEST(TensorFileWrite, RoundTripKeepsEveryBit) {
    testing::TempTree tree;
    const std::vector<float> matrix = {1.0F, -0.0F, 1e-45F, 3.4e38F, 0.1F, -7.0F};
    const std::vector<float> vector = {42.0F};
    ASSERT_OK(write_tensor_file(tree.path() / "m.safetensors",
                                {{"w", {2, 3}, matrix}, {"b", {1}, vector}, {"e", {0}, {}}}));
    ASSERT_OK_AND_ASSIGN(const TensorFile file, TensorFile::open(tree.path() / "m.safetensors"));
    EXPECT_EQ(file.tensors().size(), 3U);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> w, file.read_float32("w", {2, 3}));
    EXPECT_EQ(std::memcmp(w.data(), matrix.data(), 6 * sizeof(float)), 0);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> b, file.read_float32("b", {1}));
    EXPECT_EQ(b, vector);
}

TEST(TensorFileWrite, LayoutIsThatOfTheReference) {
    testing::TempTree tree;
    const std::vector<float> one = {1.0F};
    const auto path = tree.path() / "m.safetensors";
    ASSERT_OK(write_tensor_file(path, {{"b", {1}, one}, {"A", {1, 1}, one}}));
    ASSERT_OK_AND_ASSIGN(const std::string bytes, read_file(path));
    std::string header = R"({"__metadata__":{"format":"pt"},)"
                         R"("A":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    EXPECT_EQ(bytes, file_bytes(header, raw(1.0F) + raw(1.0F)));
}

TEST(TensorFileWrite, BadTensorsLeaveNothingBehind) {
    testing::TempTree tree;
    const auto path = tree.path() / "m.safetensors";
    const std::vector<float> two = {1.0F, 2.0F};
    const ErrorCode invalid = ErrorCode::kInvalidArgument;
    const auto expect_refused = [&](std::vector<TensorToWrite> tensors, const char* text) {
        EXPECT_TRUE(testing::has_error(write_tensor_file(path, std::move(tensors)), invalid, text));
    };
    expect_refused({{"x", {3}, two}}, "shape [3] says, found 2");
    expect_refused({{"x", {-1, -2}, two}}, "shape [-1, -2]");
    expect_refused({{"x", {2}, two}, {"x", {2}, two}}, "'x' is given twice");
    expect_refused({{"", {2}, two}}, "cannot be used");
    expect_refused({{"__metadata__", {2}, two}}, "cannot be used");
    expect_refused({{"\xFF", {2}, two}}, "not valid UTF-8");
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

TEST(TensorFileWrite, MissingFolderIsAnError) {
    testing::TempTree tree;
    EXPECT_ERROR(kNotFound, write_tensor_file(tree.path() / "none" / "m.safetensors", {}),
                 "m.safetensors");
}

/// Write 4 KiB where only 1 KiB of a file may be written; returns the child's exit status.
int write_beyond_the_limit(const std::filesystem::path& path) {
    const pid_t child = ::fork();
    if (child == 0) {
        // With the signal ignored the write fails with EFBIG, as it would with ENOSPC.
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1024, 1024};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const std::vector<float> values(1024, 1.0F);
        const Status status = write_tensor_file(path, {{"x", {1024}, values}});
        const bool is_io_error = !status && status.error().code() == ErrorCode::kIo;
        ::_exit(is_io_error ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

TEST(TensorFileWrite, FullDiskKeepsTheOldFileAndLeavesNoTemporary) {
    testing::TempTree tree;
    const auto path = tree.write("m.safetensors", "old");
    ASSERT_EQ(write_beyond_the_limit(path), 0) << "expected an io error from the writer";
    ASSERT_OK_AND_ASSIGN(const std::string content, read_file(path));
    EXPECT_EQ(content, "old");
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(tree.path())) {
        files += entry.is_regular_file() ? 1U : 0U;
    }
    EXPECT_EQ(files, 1U);
}

}  // namespace
}  // namespace finewatt
